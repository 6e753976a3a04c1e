"""Drift: what a feed says of price and stock against what the tag saw on the shop's own pages in the last hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import duckdb
import msgspec

from rekindle.engines.blobs import Blobs
from rekindle.feeds import _sql
from rekindle.feeds.items import items_of
from rekindle.feeds.quality._loading import AT_ONCE, one, put, working
from rekindle.feeds.quality._offers import put_offers
from rekindle.feeds.versions import FeedVersion
from rekindle.model.ports import ItemAges, ItemSeen, PriceSeen, Sightings
from rekindle.workspace import Quality, duration_ms

_ASKED_AT_ONCE = 500
_RATIO_ITEMS = 5

Kind = Literal["price", "sale", "currency", "sold"]
"""``sale``: the page shows the price with the discount and the feed the one without, or the other way round;
``currency``: pages showed the item only in another one; ``sold``: bought although the feed says out of stock."""


class Drifted(msgspec.Struct, frozen=True):
    """One item: both values as text, since when pages show theirs (as far back as it is kept), and how many views did.

    ``agreeing`` views of the same hours showed what the feed says: some visitors see other prices than others.
    """

    item_id: str
    kind: Kind
    feed_value: str
    page_value: str
    since_ms: int
    last_ms: int
    views: int
    agreeing: int


class DriftReport(msgspec.Struct, frozen=True):
    """``compared`` items have a price in the feed and on pages since it last changed; ``share`` of them differ, 0 to 1.

    ``kinds`` counts items; other currencies and sold items are in no share. ``ratio`` is what most differing pages'
    prices are of the feed's, where most agree on one (1.23: tax on one side alone), with how many items have it.
    """

    feed: str
    version: int
    since_ms: int
    compared: int
    drifted: int
    share: float | None
    kinds: Mapping[str, int]
    ratio: float | None
    ratio_items: int
    items: Sequence[Drifted]


class DriftCheck:
    """Makes the report of one feed. ``folder`` is for files under way."""

    def __init__(self, blobs: Blobs, seen: Sightings, ages: ItemAges, folder: Path | None = None) -> None:
        self._blobs, self._seen, self._ages, self._folder = blobs, seen, ages, folder

    def report(
        self, version: FeedVersion, quality: Quality, currency: str, now_ms: int, limit: int | None = 1000
    ) -> DriftReport:
        """Compare the last hours with a version; ``limit`` bounds the list, not the sums. Raises `BlobMissing`."""
        name, since = version.workspace, now_ms - duration_ms(quality.drift_window)
        with self._compared(version, quality, currency, now_ms) as engine:
            kinds = dict(engine.execute("SELECT kind, count(*) FROM rk_drift GROUP BY kind ORDER BY kind").fetchall())
            compared = int(one(engine, "SELECT count(*) FROM rk_page WHERE same_currency"))
            drifted = kinds.get("price", 0) + kinds.get("sale", 0)
            ratio, ratio_items = _ratio(engine)
            found = [each for batch in _list(engine, limit) for each in batch]
        return DriftReport(
            version.feed, version.version, since, compared, drifted, drifted / compared if compared else None,
            kinds, ratio, ratio_items, self._since(name, found, now_ms - duration_ms(quality.keep_sightings)),
        )  # fmt: skip

    def items(self, version: FeedVersion, quality: Quality, currency: str, now_ms: int) -> Iterator[Drifted]:
        """Yield every item that differs, as `report` lists them. Raises `BlobMissing`."""
        earlier = now_ms - duration_ms(quality.keep_sightings)
        with self._compared(version, quality, currency, now_ms) as engine:
            for batch in _list(engine, None):
                yield from self._since(version.workspace, batch, earlier)

    @contextmanager
    def _compared(
        self, version: FeedVersion, quality: Quality, currency: str, now_ms: int
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open an engine with what differs in ``rk_drift``."""
        name, since = version.workspace, now_ms - duration_ms(quality.drift_window)
        with working(self._folder) as (engine, work):
            put(engine, "rk_seen", ItemSeen, self._seen.items(name, since), work)
            put(engine, "rk_prices", PriceSeen, self._seen.prices(name, since), work)
            put_offers(engine, items_of(self._blobs, version), currency, self._ages.sources(name))
            _compare(engine, quality.tolerance, currency)
            _sold(engine, since)
            yield engine

    def _since(self, workspace: str, found: Sequence[Drifted], earlier_ms: int) -> list[Drifted]:
        """Look for the first view of each differing price in all hours that are kept."""
        first: dict[tuple[str, str], int] = {}
        wanted = [each.item_id for each in found if each.kind in ("price", "sale")]
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            for row in self._seen.prices(workspace, earlier_ms, wanted[start : start + _ASKED_AT_ONCE]):
                key = (row.item_id, row.price)
                first[key] = min(first.get(key, row.first_ms), row.first_ms)
        return [
            msgspec.structs.replace(
                each,
                since_ms=min(each.since_ms, first.get((each.item_id, each.page_value.split(" ")[0]), each.since_ms)),
            )
            for each in found
        ]


def _compare(engine: duckdb.DuckDBPyConnection, tolerance: float, currency: str) -> None:
    """Make ``rk_page``, the price that pages show of each item now, and ``rk_drift`` of those that differ.

    Of the newest hour in which an item was looked at, the price that most views showed counts: one visitor's own price
    is no drift. What was seen before the source's last change of price says nothing of the new one.
    """
    in_force = (
        "CASE WHEN sale IS NOT NULL AND (starts_ms IS NULL OR last_ms >= starts_ms) AND (ends_ms IS NULL OR last_ms < ends_ms) "
        "THEN sale ELSE regular END"
    )
    near = f"abs({{}} - {{}}) <= greatest({tolerance} * {{}}, 0.0050001)"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rk_shown AS SELECT p.item_id, p.hour_ms, p.views, p.first_ms, p.last_ms, "
        "TRY_CAST(p.price AS DECIMAL(18,4)) AS shown, p.price AS text, "
        f"coalesce(nullif(p.currency, ''), {_sql.text(currency)}) AS shown_in, o.* EXCLUDE (id, price_ms, stock_ms), "
        f"shown_in = o.currency AS same_currency, {in_force} AS wanted, {near.format('shown', 'wanted', 'wanted')} AS agrees "
        "FROM rk_prices p JOIN rk_offer o ON o.id = p.item_id WHERE o.regular IS NOT NULL AND shown IS NOT NULL "
        "AND p.last_ms >= o.price_ms"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rk_page AS SELECT * FROM rk_shown QUALIFY row_number() OVER (PARTITION BY item_id "
        "ORDER BY same_currency DESC, hour_ms DESC, views DESC, last_ms DESC, text) = 1"
    )
    other = "CASE WHEN p.wanted = p.sale THEN p.regular ELSE p.sale END"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rk_drift AS SELECT p.item_id, CASE WHEN NOT p.same_currency THEN 'currency' "
        f"WHEN p.sale IS NOT NULL AND {near.format('p.shown', other, other)} THEN 'sale' ELSE 'price' END AS kind, "
        "rk_money(p.wanted, p.currency) AS feed_value, p.text || ' ' || p.shown_in AS page_value, "
        "min(s.first_ms) AS since_ms, max(s.last_ms) AS last_ms, CAST(sum(s.views) AS BIGINT) AS views, "
        "CAST(coalesce((SELECT sum(views) FROM rk_shown y WHERE y.item_id = p.item_id AND y.same_currency AND y.agrees), 0) "
        "AS BIGINT) AS agreeing, any_value(p.shown) AS shown, any_value(p.wanted) AS wanted "
        "FROM rk_page p JOIN rk_shown s ON s.item_id = p.item_id AND s.text = p.text AND s.shown_in = p.shown_in "
        "WHERE NOT p.same_currency OR NOT p.agrees "
        "GROUP BY p.item_id, kind, feed_value, page_value, agreeing"
    )


def _sold(engine: duckdb.DuckDBPyConnection, since_ms: int) -> None:
    """Add what was bought in the last hours although the feed says, and its source said all the time, that it is gone."""
    engine.execute(
        "INSERT INTO rk_drift SELECT s.item_id, 'sold', 'out of stock', CAST(s.purchases AS VARCHAR), s.last_ms, s.last_ms, "
        "s.views, 0, NULL, NULL FROM rk_seen s JOIN rk_offer o ON o.id = s.item_id "
        f"WHERE o.sold_out AND s.purchases > 0 AND o.stock_ms < {int(since_ms) // 3_600_000 * 3_600_000}"
    )


def _ratio(engine: duckdb.DuckDBPyConnection) -> tuple[float | None, int]:
    row = engine.execute(
        "SELECT ratio, items FROM (SELECT round(shown / wanted, 3) AS ratio, count(*) AS items, sum(count(*)) OVER () AS every "
        "FROM rk_drift WHERE kind = 'price' AND wanted > 0 GROUP BY ratio) "
        f"WHERE items >= {_RATIO_ITEMS} AND 2 * items > every"
    ).fetchone()
    return (float(row[0]), int(row[1])) if row else (None, 0)


def _list(engine: duckdb.DuckDBPyConnection, limit: int | None) -> Iterator[list[Drifted]]:
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    rows = engine.execute(
        "SELECT d.item_id, kind, feed_value, page_value, since_ms, d.last_ms, d.views, agreeing FROM rk_drift d "
        f"ORDER BY d.views DESC, d.item_id, kind{bound}"
    )
    while batch := rows.fetchmany(AT_ONCE):
        yield [msgspec.convert(row, Drifted) for row in map(_named, batch)]


def _named(row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(Drifted.__struct_fields__, row, strict=True))
