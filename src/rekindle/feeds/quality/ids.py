"""The id-match report: what the tag saw in a day against the ids that a feed publishes, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import versions
from rekindle.feeds.items import items_of
from rekindle.feeds.performance import products as products_of
from rekindle.feeds.quality._loading import AT_ONCE, one, published, put, working
from rekindle.feeds.quality.fixes import Fix, propose, share
from rekindle.feeds.quality.rewritings import explain_misses
from rekindle.feeds.versions import FeedVersion
from rekindle.model.ports import ItemSeen, Sightings, Snapshot
from rekindle.workspace import Feed

WINDOW_MS = 24 * 3_600_000
_EARLIER = 5


class Miss(msgspec.Struct, frozen=True):
    """An id that pages send and the feed does not hold: ``events`` that named it, why, and what the feed calls the item.

    ``code`` is one of `rewritings.CODES`; ``feed_id`` is empty where the item is not known.
    """

    item_id: str
    events: int
    code: str
    feed_id: str
    last_ms: int


class IdReport(msgspec.Struct, frozen=True):
    """``share`` is the events (views, carts, purchases of an item) whose id is published, 0 to 1, None without any.

    ``reasons`` counts events by why they miss; ``misses`` lists the ids with most events; ``fix`` is the rule that would
    gain most, where one does.
    """

    feed: str
    version: int
    since_ms: int
    ids: int
    matched_ids: int
    events: int
    matched_events: int
    share: float | None
    reasons: dict[str, int]
    misses: Sequence[Miss]
    fix: Fix | None


class IdCheck:
    """Makes the report of one feed. ``folder`` is for files under way."""

    def __init__(self, database: Database, blobs: Blobs, seen: Sightings, folder: Path | None = None) -> None:
        self._database, self._blobs, self._seen, self._folder = database, blobs, seen, folder

    def report(
        self, document: Feed, version: FeedVersion, snapshot: Snapshot, now_ms: int, limit: int | None = 1000
    ) -> IdReport:
        """Compare the last day with a version; ``limit`` bounds the list, not the sums. Raises `BlobMissing`."""
        with self._compared(version, snapshot, now_ms) as (engine, products, before):
            events, matched = engine.execute(
                "SELECT coalesce(sum(events), 0), coalesce(sum(events) FILTER (id IS NOT NULL), 0) FROM rk_both"
            ).fetchone() or (0, 0)
            counted = engine.execute(
                "SELECT code, sum(events) AS events FROM rk_why JOIN rk_left USING (item_id) GROUP BY code ORDER BY events DESC, code"
            ).fetchall()
            return IdReport(
                version.feed, version.version, now_ms - WINDOW_MS,
                int(one(engine, "SELECT count(*) FROM rk_both")),
                int(one(engine, "SELECT count(id) FROM rk_both")),
                int(events), int(matched), matched / events if events else None,
                {code: int(count) for code, count in counted}, list(_misses(engine, limit)),
                propose(engine, document, products, before) if counted else None,
            )  # fmt: skip

    def misses(self, version: FeedVersion, snapshot: Snapshot, now_ms: int) -> Iterator[Miss]:
        """Yield every id that misses, as `report` lists them. Raises `BlobMissing`."""
        with self._compared(version, snapshot, now_ms) as (engine, _products, _before):
            yield from _misses(engine, None)

    @contextmanager
    def _compared(
        self, version: FeedVersion, snapshot: Snapshot, now_ms: int
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, str, float]]:
        """Open an engine with the day and the version side by side; the catalogue's table, and the share that matches."""
        with working(self._folder) as (engine, work):
            put(engine, "rk_seen", ItemSeen, self._seen.items(version.workspace, now_ms - WINDOW_MS), work)
            products = products_of(engine, snapshot, None, work)
            self._prepare(engine, version)
            before = share(engine, "rk_feed")
            explain_misses(engine, products, list(self._earlier(version)))
            yield engine, products, before

    def _prepare(self, engine: duckdb.DuckDBPyConnection, version: FeedVersion) -> None:
        items = items_of(self._blobs, version)
        engine.execute(f"CREATE TEMP TABLE rk_feed AS SELECT DISTINCT id, _id FROM ({published(items)})")
        engine.execute(
            "CREATE TEMP TABLE rk_both AS SELECT s.item_id, s.views + s.carts + s.purchases AS events, f.id "
            "FROM rk_seen s LEFT JOIN (SELECT DISTINCT id FROM rk_feed) f ON f.id = s.item_id"
        )
        engine.execute("CREATE TEMP TABLE rk_left AS SELECT item_id, events FROM rk_both WHERE id IS NULL")
        engine.execute(
            "CREATE TEMP TABLE rk_out AS SELECT DISTINCT unnest([id, _id]) AS id, _id "
            f"FROM ({items.table()}) WHERE _state <> 0"
        )

    def _earlier(self, version: FeedVersion) -> Iterator[str]:
        with self._database.read() as connection:
            past = versions.history(connection, version.workspace, version.feed)
        for old in [each for each in past if each.version != version.version][:_EARLIER]:
            try:
                yield f"SELECT id FROM ({published(items_of(self._blobs, old))})"
            except BlobMissing:
                continue


def _misses(engine: duckdb.DuckDBPyConnection, limit: int | None) -> Iterator[Miss]:
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    rows = engine.execute(
        "SELECT w.item_id, l.events, w.code, coalesce(w.id, ''), s.last_ms FROM rk_why w "
        "JOIN rk_left l USING (item_id) JOIN rk_seen s USING (item_id) ORDER BY l.events DESC, w.item_id" + bound
    )
    while batch := rows.fetchmany(AT_ONCE):
        yield from (Miss(*row) for row in batch)
