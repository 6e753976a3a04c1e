"""The id contract: every ``item_id`` that the page sends must be an id of the published feeds.

A dynamic ad can show an item only when event and feed name it alike, byte for byte. Every item of a view, cart or
purchase event is looked up in every published feed and counted as matched, or as missing by reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log.view import Noted
from rekindle.model.behaviour import ACTS
from rekindle.model.ports import FeedIds
from rekindle.model.record import Record, Stored
from rekindle.profiles._tables import id_counts, id_examples
from rekindle.profiles.statistics import hour

MATCHED = ""
ABSENT = "absent"  # the event has an item without an id
EXAMPLES = 20


class IdMatch(msgspec.Struct, frozen=True):
    """How well events and one feed agree. ``share`` is matched / seen, 0 to 1; ``examples`` are ids that miss."""

    feed: str
    seen: int
    matched: int
    share: float
    reasons: dict[str, int]
    examples: list[str]


class IdMatches:
    """The part of the view that keeps `statistics_item_ids`."""

    def __init__(self, feeds: FeedIds) -> None:
        self._feeds = feeds
        self._missing: dict[tuple[str, str], Mapping[str, str]] = {}

    def prepare(self, records: Sequence[Record]) -> None:
        """Ask the feeds once for all ids of the batch, outside the transaction."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for record in records:
            if isinstance(record, Stored) and not record.bot and record.event in ACTS:
                wanted[record.workspace] |= {item.item_id for item in record.ecommerce.items if item.item_id}
        self._missing = {
            (workspace, feed): self._feeds.missing(workspace, feed, sorted(ids)) if ids else {}
            for workspace, ids in wanted.items()
            for feed in self._feeds.channels(workspace)
        }

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        feeds: dict[str, list[str]] = defaultdict(list)
        for workspace, feed in self._missing:
            feeds[workspace].append(feed)
        counts: Counter[tuple[str, int, str, str]] = Counter()
        examples: dict[tuple[str, str, str, str], int] = {}
        for record, duplicate in batch:
            if not isinstance(record, Stored) or duplicate or record.bot or record.event not in ACTS:
                continue
            for feed in feeds[record.workspace]:
                missing = self._missing[record.workspace, feed]
                for item in record.ecommerce.items:
                    reason = missing.get(item.item_id, MATCHED) if item.item_id else ABSENT
                    counts[record.workspace, hour(record.received_ms), feed, reason] += 1
                    if reason and item.item_id:
                        examples[record.workspace, feed, reason, item.item_id] = record.received_ms
        _add(connection, counts)
        _remember(connection, examples)

    def clear(self, connection: Connection) -> None:
        connection.execute(id_counts.delete())
        connection.execute(id_examples.delete())


def id_match(database: Database, workspace: str, since_ms: int) -> list[IdMatch]:
    """Return the match of every feed that had events since ``since_ms``'s hour, by feed name."""
    total = sa.func.sum(id_counts.c.count)
    counted = (
        sa.select(id_counts.c.feed, id_counts.c.reason, total.label("count"))
        .where(id_counts.c.workspace == workspace, id_counts.c.hour_ms >= hour(since_ms))
        .group_by(id_counts.c.feed, id_counts.c.reason)
    )
    shown = (
        sa.select(id_examples.c.feed, id_examples.c.item_id)
        .where(id_examples.c.workspace == workspace, id_examples.c.last_ms >= since_ms)
        .order_by(id_examples.c.last_ms.desc(), id_examples.c.item_id)
    )
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    examples: dict[str, list[str]] = defaultdict(list)
    with database.read() as connection:
        for row in connection.execute(counted):
            reasons[row.feed][row.reason] = int(row[2])
        for feed, item_id in connection.execute(shown):
            if len(examples[feed]) < EXAMPLES:
                examples[feed].append(item_id)
    found = []
    for feed, by_reason in sorted(reasons.items()):
        seen, matched = sum(by_reason.values()), by_reason.pop(MATCHED, 0)
        found.append(IdMatch(feed, seen, matched, matched / seen, dict(sorted(by_reason.items())), examples[feed]))
    return found


class IdMatchMetrics(Collector):
    """``rekindle_item_ids_total{workspace, feed, result}``; ``result`` is ``matched`` or the reason it is missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[Metric]:
        return [_family()]

    def collect(self) -> Iterator[Metric]:
        family = _family()
        query = sa.select(
            id_counts.c.workspace, id_counts.c.feed, id_counts.c.reason, sa.func.sum(id_counts.c.count)
        ).group_by(id_counts.c.workspace, id_counts.c.feed, id_counts.c.reason)
        with self._database.read() as connection:
            for workspace, feed, reason, count in connection.execute(query):
                family.add_metric([workspace, feed, reason or "matched"], float(count))
        yield family


def trim(connection: Connection, before_ms: int) -> int:
    """Drop hours and examples before ``before_ms``; return how many rows."""
    hours = id_counts.delete().where(id_counts.c.hour_ms < hour(before_ms))
    examples = id_examples.delete().where(id_examples.c.last_ms < before_ms)
    return connection.execute(hours).rowcount + connection.execute(examples).rowcount


def _family() -> CounterMetricFamily:
    return CounterMetricFamily(
        "rekindle_item_ids", "Item ids of events looked up in a published feed", labels=["workspace", "feed", "result"]
    )


def _add(connection: Connection, counts: Counter[tuple[str, int, str, str]]) -> None:
    if not counts:
        return
    statement = upsert(id_counts, connection.dialect.name)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(id_counts.primary_key),
            set_={"count": id_counts.c.count + statement.excluded.count},
        ),
        [
            {"workspace": w, "hour_ms": h, "feed": f, "reason": r, "count": n}
            for (w, h, f, r), n in sorted(counts.items())
        ],
    )


def _remember(connection: Connection, examples: Mapping[tuple[str, str, str, str], int]) -> None:
    if not examples:
        return
    statement = upsert(id_examples, connection.dialect.name)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(id_examples.primary_key), set_={"last_ms": statement.excluded.last_ms}
        ),
        [
            {"workspace": w, "feed": f, "reason": r, "item_id": i, "last_ms": ms}
            for (w, f, r, i), ms in sorted(examples.items())
        ],
    )
    for workspace, feed, reason in sorted({key[:3] for key in examples}):
        same = sa.and_(id_examples.c.workspace == workspace, id_examples.c.feed == feed, id_examples.c.reason == reason)
        newest_first = (id_examples.c.last_ms.desc(), id_examples.c.item_id)
        surplus = connection.execute(
            sa.select(id_examples.c.item_id).where(same).order_by(*newest_first).offset(EXAMPLES).limit(10_000)
        ).scalars()
        if old := list(surplus):
            connection.execute(id_examples.delete().where(same, id_examples.c.item_id.in_(old)))
