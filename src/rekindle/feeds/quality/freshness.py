"""How old price and stock are: at the source, in the published version, and at each channel that took one.

The age of a value is the time since its source was last known to say it. A channel whose version has the newest value is
as fresh as the last reading of the source; one that has an older value is as old as that version. A platform to which items
are pushed is looked at item by item: it took some of a version, and may hold an older form of others, or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _sql, receipts, versions
from rekindle.feeds.items import items_of
from rekindle.feeds.push.held import Held, held, pushed_version
from rekindle.feeds.push.pusher import ROUTE as PUSH
from rekindle.feeds.quality._loading import AT_ONCE, one, published, put, working
from rekindle.feeds.quality._offers import ages_of
from rekindle.feeds.versions import FeedVersion
from rekindle.model.ports import ItemAges

SOURCE = "source"
PUBLISHED = "published"


class Spread(msgspec.Struct, frozen=True):
    """Ages of all items in ms; of none, all are 0."""

    median_ms: int
    p95_ms: int
    oldest_ms: int


class Stage(msgspec.Struct, frozen=True):
    """One place on the way: ``source``, ``published``, or a route of receipts with the version it has, and since when.

    ``late`` counts items whose price or stock is older there than the feed's ``fresh_within``. Where items are pushed,
    ``behind`` of them are there in an older form and ``missing`` not at all; the latter have no age.
    """

    name: str
    version: int | None
    since_ms: int | None
    price: Spread
    stock: Spread
    late: int
    behind: int = 0
    missing: int = 0


class FreshnessReport(msgspec.Struct, frozen=True):
    """``unknown`` items have no source whose ages are kept; all others are in every stage but a push that misses them."""

    feed: str
    version: int
    at_ms: int
    items: int
    unknown: int
    stages: Sequence[Stage]

    @property
    def farthest(self) -> Stage:
        """The oldest of the channels' stages, or the published one where nobody took a version yet."""
        taken = [stage for stage in self.stages if stage.name not in (SOURCE, PUBLISHED)]
        return max(taken or self.stages[-1:], key=lambda stage: max(stage.price.oldest_ms, stage.stock.oldest_ms))


class ItemAge(msgspec.Struct, frozen=True):
    """One item: when its source showed it last, when price and stock changed there, and its ages by stage (ms).

    The age is None at a platform that does not have the item.
    """

    item_id: str
    seen_ms: int
    price_ms: int
    stock_ms: int
    price: Mapping[str, int | None]
    stock: Mapping[str, int | None]


class _Point(NamedTuple):
    name: str
    version: int | None
    since_ms: int | None
    made_ms: int | None
    by_item: bool = False
    """Whether it is known of every item what is held, in ``held_ms`` and ``held_now`` of ``rk_age``."""


class FreshnessCheck:
    """Makes the report of one feed. ``folder`` is for files under way."""

    def __init__(self, database: Database, blobs: Blobs, ages: ItemAges, folder: Path | None = None) -> None:
        self._database, self._blobs, self._ages, self._folder = database, blobs, ages, folder

    def report(self, version: FeedVersion, since_ms: int, fresh_within_ms: int, now_ms: int) -> FreshnessReport:
        """Return the ages of a live version's items; it has been live since ``since_ms``. Raises `BlobMissing`."""
        points = self._points(version, since_ms)
        with working(self._folder) as (engine, work):
            items, known = self._load(engine, version)
            if any(point.by_item for point in points):
                self._hold(engine, version, work)
            stages = [_stage(engine, point, fresh_within_ms, now_ms) for point in points]
        return FreshnessReport(version.feed, version.version, now_ms, items, items - known, stages)

    def items(self, version: FeedVersion, since_ms: int, now_ms: int, item_id: str | None = None) -> Iterator[ItemAge]:
        """Yield the items whose ages are known, oldest first; only the catalogue's ``item_id`` when it is named."""
        points = self._points(version, since_ms)
        ages = ", ".join(
            f"{now_ms} - {_confirmed(column, point)}" for column in ("price_ms", "stock_ms") for point in points
        )
        with working(self._folder) as (engine, work):
            self._load(engine, version, item_id)
            if any(point.by_item for point in points):
                self._hold(engine, version, work, few=item_id is not None)
            names = [point.name for point in points]
            rows = engine.execute(f"SELECT id, seen_ms, price_ms, stock_ms, {ages} FROM rk_age ORDER BY seen_ms, id")
            while batch := rows.fetchmany(AT_ONCE):
                for identity, seen, price, stock, *values in batch:
                    prices, stocks = values[: len(points)], values[len(points) :]
                    yield ItemAge(
                        identity, seen, price, stock, dict(zip(names, prices, strict=True)),
                        dict(zip(names, stocks, strict=True)),
                    )  # fmt: skip

    def _load(
        self, engine: duckdb.DuckDBPyConnection, version: FeedVersion, item_id: str | None = None
    ) -> tuple[int, int]:
        """Make ``rk_age`` of the items with known ages; return how many items there are, and how many of those."""
        items = published(items_of(self._blobs, version))
        if item_id is not None:
            items = f"SELECT * FROM ({items}) WHERE _id = {_sql.text(item_id)}"
        ages = ages_of(self._ages.sources(version.workspace))
        engine.execute(
            "CREATE TEMP TABLE rk_age AS SELECT i.id, i._id, a.seen_ms, a.price_ms, a.stock_ms "
            f"FROM ({items}) i JOIN ({ages}) a ON a.source = i._file AND a.id = i._id"
        )
        return int(one(engine, f"SELECT count(*) FROM ({items})")), int(one(engine, "SELECT count(*) FROM rk_age"))

    def _hold(self, engine: duckdb.DuckDBPyConnection, version: FeedVersion, work: Path, *, few: bool = False) -> None:
        """Add to ``rk_age`` what the platform took of each item."""
        only = [str(row[0]) for row in engine.execute("SELECT id FROM rk_age").fetchall()] if few else None
        with self._database.read() as connection:
            put(engine, "rk_held", Held, held(connection, version.workspace, version.feed, only), work)
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE rk_age AS SELECT a.*, h.accepted_ms AS held_ms, h.current = 1 AS held_now "
            "FROM rk_age a LEFT JOIN rk_held h ON h.item = a.id"
        )

    def _points(self, version: FeedVersion, since_ms: int) -> list[_Point]:
        points = [_Point(SOURCE, None, None, None), _Point(PUBLISHED, version.version, since_ms, version.created_ms)]
        with self._database.read() as connection:
            taken = receipts.last_accepted(connection, version.workspace, version.feed)
            made = {
                each.version: each.created_ms for each in versions.history(connection, version.workspace, version.feed)
            }
        by_item = pushed_version(self._database, version.workspace, version.feed)
        if by_item is not None:
            taken = {route: each for route, each in taken.items() if route != PUSH}
        # A version that is forgotten was made before it was taken, and nothing nearer is known.
        points += [_Point(route, number, at, made.get(number, at)) for route, (number, at) in sorted(taken.items())]
        if by_item is not None:
            number, at = by_item
            points.append(_Point(PUSH, number, at or None, made.get(number, 0), by_item=True))
        return points


def _confirmed(column: str, point: _Point) -> str:
    """Return SQL for the moment until which the source is known to have said what is held at a point.

    NULL for an item that a platform does not have. Of one that it has in an older form, it is not known which of its values
    have changed since: it is as old as that form.
    """
    if point.made_ms is None:
        return "seen_ms"
    of_version = f"CASE WHEN {column} <= {point.made_ms} THEN seen_ms ELSE {point.made_ms} END"
    if not point.by_item:
        return of_version
    return f"CASE WHEN held_now THEN {of_version} WHEN held_ms IS NOT NULL THEN least(held_ms, seen_ms) END"


def _stage(engine: duckdb.DuckDBPyConnection, point: _Point, fresh_within_ms: int, now_ms: int) -> Stage:
    price, stock = (f"({now_ms} - {_confirmed(column, point)})" for column in ("price_ms", "stock_ms"))

    def spread(age: str) -> str:
        quantiles = ", ".join(f"CAST(coalesce(quantile_disc({age}, {share}), 0) AS BIGINT)" for share in (0.5, 0.95))
        return f"{quantiles}, coalesce(max({age}), 0)"

    row = engine.execute(
        f"SELECT {spread(price)}, {spread(stock)}, "
        f"coalesce(count_if(greatest({price}, {stock}) > {int(fresh_within_ms)}), 0), "
        f"{'coalesce(count_if(NOT held_now), 0), coalesce(count_if(held_ms IS NULL), 0)' if point.by_item else '0, 0'} FROM rk_age"
    ).fetchone()
    assert row is not None
    spreads = Spread(*row[:3]), Spread(*row[3:6])
    return Stage(point.name, point.version, point.since_ms, *spreads, *map(int, row[6:]))
