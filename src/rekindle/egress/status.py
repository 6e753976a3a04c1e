"""Read models: how each lane is, what became of events, and what was refused for good."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from rekindle.egress._tables import counts, ids, lanes, outcomes, retries
from rekindle.egress._tickets import Awaited, awaited
from rekindle.egress.lane import consumer_name
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import ConsumerLag


class OutcomeCount(msgspec.Struct, frozen=True):
    """How many events of a destination came to one outcome for one reason."""

    destination: str
    outcome: str
    reason: str
    count: int


class LaneStatus(msgspec.Struct, frozen=True):
    """One lane. ``backlog`` is what is unread in the log and what waits for another try.

    ``oldest_ms`` is when the oldest waiting event was received (0: none waits); ``item_ids`` counts ids by what the
    id contract said of them (``ok``, ``unknown``, ``excluded``, …).
    """

    destination: str
    state: str
    words: str
    since_ms: int
    next_ms: int
    backlog: int
    waiting: int
    oldest_ms: int
    counts: dict[str, int]
    item_ids: dict[str, int]


class EventOutcome(msgspec.Struct, frozen=True):
    """What became of one event at one destination; ``detail`` holds the platform's words, masked."""

    destination: str
    event_id: str
    event: str
    outcome: str
    reason: str
    detail: str
    attempts: int
    trace: str
    received_ms: int
    updated_ms: int


def status(database: Database, workspace: str, lag: Sequence[ConsumerLag] = ()) -> list[LaneStatus]:
    """Return every lane that has run, by destination. ``lag`` (of the log) adds what was not read yet."""
    unread = {entry.consumer: entry.records for entry in lag}
    with database.read() as connection:
        # A feed's line to its platform stands here too (`rekindle.egress.items`); it has no events.
        mine = (lanes.c.workspace == workspace, lanes.c.destination.not_like("@%"))
        states = connection.execute(sa.select(lanes).where(*mine)).mappings().all()
        queue = {
            row.destination: (row.waiting, row.oldest)
            for row in connection.execute(
                sa.select(
                    retries.c.destination,
                    sa.func.count().label("waiting"),
                    sa.func.min(outcomes.c.received_ms).label("oldest"),
                )
                .select_from(retries)
                .join(
                    outcomes,
                    sa.and_(
                        outcomes.c.workspace == retries.c.workspace,
                        outcomes.c.destination == retries.c.destination,
                        outcomes.c.event_id == retries.c.event_id,
                    ),
                )
                .where(retries.c.workspace == workspace)
                .group_by(retries.c.destination)
            )
        }
        matched = connection.execute(sa.select(ids).where(ids.c.workspace == workspace)).all()
    by_state = {row["destination"]: row for row in states}
    counted = outcome_counts(database, workspace)
    names = sorted(set(by_state) | {each.destination for each in counted})
    found = []
    for name in names:
        row = by_state.get(name)
        waiting, oldest = queue.get(name, (0, 0))
        by_outcome: dict[str, int] = {}
        for each in counted:
            if each.destination == name:
                by_outcome[each.outcome] = by_outcome.get(each.outcome, 0) + each.count
        found.append(
            LaneStatus(
                destination=name,
                state=row["state"] if row else "running",
                words=row["words"] if row else "",
                since_ms=row["since_ms"] if row else 0,
                next_ms=row["next_ms"] if row else 0,
                backlog=waiting + unread.get(consumer_name(workspace, name), 0),
                waiting=waiting,
                oldest_ms=oldest or 0,
                counts=by_outcome,
                item_ids={each.reason: each[3] for each in matched if each.destination == name},
            )
        )
    return found


def outcome_counts(database: Database, workspace: str) -> list[OutcomeCount]:
    """Return how many events of each destination came to each outcome and reason, those that were pruned included."""
    columns = (counts.c.destination, counts.c.outcome, counts.c.reason)
    query = sa.select(*columns, counts.c.count.label("n")).where(counts.c.workspace == workspace, counts.c.count > 0)
    with database.read() as connection:
        rows = connection.execute(query.order_by(*columns))
        return [OutcomeCount(row.destination, row.outcome, row.reason, row.n) for row in rows]


def event_outcomes(database: Database, workspace: str, event_id: str) -> list[EventOutcome]:
    """Return what became of one event, by destination."""
    return _read(database, outcomes.c.workspace == workspace, outcomes.c.event_id == event_id, limit=1000)


def dead_letters(
    database: Database,
    workspace: str,
    destination: str | None = None,
    *,
    before_ms: int | None = None,
    limit: int = 100,
) -> list[EventOutcome]:
    """Return events that a platform refused for good, newest first; ``before_ms`` pages back."""
    where = [outcomes.c.workspace == workspace, outcomes.c.outcome == "dead"]
    if destination is not None:
        where.append(outcomes.c.destination == destination)
    if before_ms is not None:
        where.append(outcomes.c.updated_ms < before_ms)
    return _read(database, *where, limit=limit)


def _read(database: Database, *where: sa.ColumnElement[bool], limit: int) -> list[EventOutcome]:
    query = sa.select(*(outcomes.c[name] for name in EventOutcome.__struct_fields__)).where(*where)
    query = query.order_by(outcomes.c.updated_ms.desc(), outcomes.c.destination).limit(limit)
    with database.read() as connection:
        return [EventOutcome(*row) for row in connection.execute(query)]


def all_outcomes(database: Database, workspace: str, destination: str) -> list[tuple[str, str, str]]:
    """Return (event id, outcome, reason) of every event of a destination; for audits of what fits into memory."""
    query = sa.select(outcomes.c.event_id, outcomes.c.outcome, outcomes.c.reason).where(
        outcomes.c.workspace == workspace, outcomes.c.destination == destination
    )
    with database.read() as connection:
        return [(row.event_id, row.outcome, row.reason) for row in connection.execute(query)]


__all__ = [
    "Awaited", "EventOutcome", "LaneStatus", "OutcomeCount", "all_outcomes", "awaited", "dead_letters",
    "event_outcomes", "outcome_counts", "status",
]  # fmt: skip
