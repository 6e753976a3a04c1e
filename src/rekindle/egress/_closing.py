"""What a request's events or people come to when its platform has decided. One transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._counts import move_counts
from rekindle.egress._tables import outcomes, people, retries, tickets
from rekindle.egress._tickets import EVENTS, Decided, Ticket
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Entry
from rekindle.model.outcome import Outcome, Reason

ENOUGH_TRIES: Final = 8
"""Who was told so often without success is a dead letter."""
_HOUR_MS: Final = 3_600_000


def removal_wait_ms(tries: int) -> int:
    """Return the wait before a platform is told again what it refused: an hour, then four times as long, a day at most."""
    return min(24 * _HOUR_MS, _HOUR_MS << min(2 * max(tries - 1, 0), 10))


async def close(
    database: Database, ticket: Ticket, decided: Decided, now_ms: int, records: Mapping[str, Entry] | None = None
) -> int | None:
    """Write what became of a request's events or people; return how many, or None when it is not waited for any more.

    ``records`` are the log's of those events that go again.
    """

    def write(connection: Connection) -> int | None:
        if not connection.execute(sa.delete(tickets).where(tickets.c.id == ticket.id)).rowcount:
            return None
        values = {"outcome": str(decided.outcome), "reason": str(decided.reason), "detail": decided.words[:400],
                  "updated_ms": now_ms}  # fmt: skip
        if ticket.operation == EVENTS:
            again = _send_again(connection, ticket, values, records) if records else 0
            return again + _close_events(connection, ticket, values)
        return _close_people(connection, ticket, values, again=decided.again)

    return await database.run(write)


def _send_again(
    connection: Connection, ticket: Ticket, values: Mapping[str, object], records: Mapping[str, Entry]
) -> int:
    """Put events into the retries; each try quarters the batch they go in (`rekindle.egress._prepare.batches`)."""
    mine = (outcomes.c.ticket == ticket.id, outcomes.c.outcome == str(Outcome.ACCEPTED))
    key = {"workspace": ticket.workspace, "destination": ticket.destination}
    rows = connection.execute(sa.select(outcomes).where(*mine)).mappings().all()
    chosen = [row for row in rows if row["event_id"] in records]
    if not chosen:
        return 0
    changed = {**values, "outcome": str(Outcome.WAITING)}
    move_counts(connection, key, [{"event_id": row["event_id"], **changed} for row in chosen])
    connection.execute(
        upsert(retries, connection.dialect.name).on_conflict_do_nothing(),
        [
            {
                **{name: row[name] for name in (*key, "event_id", "partition", "offset", "attempts")},
                "next_ms": values["updated_ms"], "first_ms": ticket.opened_ms,
                "record": records[row["event_id"]].value,
            }
            for row in chosen
        ],
    )  # fmt: skip
    for start in range(0, len(chosen), 500):
        part = [row["event_id"] for row in chosen[start : start + 500]]
        connection.execute(sa.update(outcomes).where(*mine, outcomes.c.event_id.in_(part)).values(**changed))
    return len(chosen)


def _close_events(connection: Connection, ticket: Ticket, values: dict[str, object]) -> int:
    mine = (outcomes.c.ticket == ticket.id, outcomes.c.outcome == str(Outcome.ACCEPTED))
    names = list(connection.scalars(sa.select(outcomes.c.event_id).where(*mine)))
    key = {"workspace": ticket.workspace, "destination": ticket.destination}
    move_counts(connection, key, [{"event_id": name, **values} for name in names])
    connection.execute(sa.update(outcomes).where(*mine).values(**values))
    return len(names)


def _close_people(connection: Connection, ticket: Ticket, values: dict[str, object], *, again: bool) -> int:
    mine = (people.c.ticket == ticket.id, people.c.outcome == str(Outcome.ACCEPTED))
    told = 0
    if values["outcome"] == str(Outcome.DEAD):
        # Who could not be added is not there; who could not be removed still is.
        values = values | {"sent": ticket.operation == "remove"}
        if ticket.operation == "remove":
            told = _tell_again(connection, mine, values, Reason.REMOVAL_REFUSED)
    elif again and _several(connection, mine):
        # Nobody knows who: each may be there. Telling twice is the same as once, so all of them go again in smaller
        # requests, until the bad one is alone.
        told = _tell_again(connection, mine, values | {"sent": True}, Reason.PARTLY_REFUSED)
    return told + connection.execute(sa.update(people).where(*mine).values(**values)).rowcount


def _several(connection: Connection, mine: Sequence[sa.ColumnElement[bool]]) -> bool:
    return len(connection.execute(sa.select(people.c.subject).where(*mine).limit(2)).all()) > 1


def _tell_again(
    connection: Connection, mine: Sequence[sa.ColumnElement[bool]], values: dict[str, object], reason: str
) -> int:
    """Make those who were not told too often yet due again, later each time; return how many."""
    waits = {tries: removal_wait_ms(tries) for tries in range(1, ENOUGH_TRIES)}
    wait = sa.case(waits, value=people.c.attempts, else_=removal_wait_ms(ENOUGH_TRIES))
    now = values["updated_ms"]
    due = {"outcome": str(Outcome.WAITING), "reason": str(reason), "due_ms": sa.literal(now, sa.BigInteger) + wait}
    few = people.c.attempts < ENOUGH_TRIES
    return connection.execute(sa.update(people).where(*mine, few).values(**(values | due))).rowcount
