"""The rows of requests that platforms decide about later. Each function is one transaction, or part of its caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._counts import move_counts
from rekindle.egress._tables import outcomes, people, tickets
from rekindle.egress.connector import OutRequest, Verdict
from rekindle.egress.later import DecidesLater, Waits
from rekindle.engines.database import Database
from rekindle.model.outcome import Outcome, Reason

EVENTS: Final = "events"
_CLAIM_MS: Final = 120_000


class Ticket(msgspec.Struct, frozen=True):
    """One request whose decision is waited for; ``operation`` is ``events``, ``add`` or ``remove``."""

    id: str
    workspace: str
    destination: str
    ticket: str
    operation: str
    opened_ms: int
    next_ms: int
    deadline_ms: int
    looks: int = 0
    words: str = ""


class Decided(msgspec.Struct, frozen=True):
    """What the events or people of a request have come to."""

    outcome: Outcome
    reason: str
    words: str = ""


def opened(
    account: object, workspace: str, destination: str, operation: str, request: OutRequest, verdict: Verdict,
    now_ms: int, random: Callable[[], float],
) -> Ticket | None:  # fmt: skip
    """Return the ticket of a request that was just answered, or None when there is nothing to ask."""
    if not verdict.ticket or not isinstance(account, DecidesLater) or account.waits is None:
        return None
    name = "\0".join((workspace, destination, verdict.ticket, str(now_ms), *request.event_ids[:1]))
    return Ticket(
        hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32], workspace, destination,
        verdict.ticket[:200], operation, now_ms, now_ms + wait_ms(account.waits, 0, random),
        now_ms + account.waits.deadline_ms,
    )  # fmt: skip


def wait_ms(waits: Waits, looks: int, random: Callable[[], float]) -> int:
    """Return the wait before the next look: at least the documented one, then doubling, spread over a quarter more."""
    wait = min(waits.longest_ms, waits.first_ms << min(looks, 20))
    return wait + int(random() * wait / 4)


def put(connection: Connection, ticket: Ticket) -> None:
    """Keep a ticket, in the transaction that writes the rows which name it."""
    connection.execute(
        sa.insert(tickets).values(**msgspec.structs.asdict(ticket), claimed_by="", claimed_ms=0)
    )  # fmt: skip


async def claim(database: Database, holder: str, now_ms: int, limit: int) -> list[Ticket]:
    """Take tickets whose time has come; for two minutes nobody else gets them."""

    def take(connection: Connection) -> list[Ticket]:
        due = sa.select(tickets).where(tickets.c.next_ms <= now_ms, tickets.c.claimed_ms <= now_ms)
        rows = connection.execute(due.order_by(tickets.c.next_ms).limit(limit)).mappings().all()
        mine = {"claimed_by": holder, "claimed_ms": now_ms + _CLAIM_MS}
        connection.execute(sa.update(tickets).where(tickets.c.id.in_([row["id"] for row in rows])).values(**mine))
        return [Ticket(**{name: row[name] for name in Ticket.__struct_fields__}) for row in rows]

    if not await database.query(lambda connection: _any_due(connection, now_ms)):
        return []
    return await database.run(take)


async def look_again(database: Database, holder: str, ticket: Ticket, next_ms: int, words: str) -> None:
    """Give a ticket back until ``next_ms``."""
    values = {"next_ms": next_ms, "looks": ticket.looks + 1, "words": words[:400], "claimed_by": "", "claimed_ms": 0}
    mine = (tickets.c.id == ticket.id, tickets.c.claimed_by == holder)
    await database.run(lambda connection: connection.execute(sa.update(tickets).where(*mine).values(**values)))


async def close(database: Database, holder: str, ticket: Ticket, decided: Decided, now_ms: int) -> int | None:
    """Write what became of a request's events or people; return how many, or None when another has taken over."""

    def write(connection: Connection) -> int | None:
        mine = (tickets.c.id == ticket.id, tickets.c.claimed_by == holder)
        if not connection.execute(sa.delete(tickets).where(*mine)).rowcount:
            return None
        values = {"outcome": str(decided.outcome), "reason": str(decided.reason), "detail": decided.words[:400],
                  "updated_ms": now_ms}  # fmt: skip
        if ticket.operation == EVENTS:
            return _close_events(connection, ticket, values)
        return _close_people(connection, ticket, values)

    return await database.run(write)


def _close_events(connection: Connection, ticket: Ticket, values: dict[str, object]) -> int:
    mine = (outcomes.c.ticket == ticket.id, outcomes.c.outcome == str(Outcome.ACCEPTED))
    names = list(connection.scalars(sa.select(outcomes.c.event_id).where(*mine)))
    key = {"workspace": ticket.workspace, "destination": ticket.destination}
    move_counts(connection, key, [{"event_id": name, **values} for name in names])
    connection.execute(sa.update(outcomes).where(*mine).values(**values))
    return len(names)


def _close_people(connection: Connection, ticket: Ticket, values: dict[str, object]) -> int:
    mine = (people.c.ticket == ticket.id, people.c.outcome == str(Outcome.ACCEPTED))
    if values["outcome"] == str(Outcome.DEAD):
        # Who could not be added is not there; who could not be removed still is.
        values = values | {"sent": ticket.operation == "remove"}
    return connection.execute(sa.update(people).where(*mine).values(**values)).rowcount


def _any_due(connection: Connection, now_ms: int) -> bool:
    due = sa.select(tickets.c.id).where(tickets.c.next_ms <= now_ms, tickets.c.claimed_ms <= now_ms)
    return connection.execute(due.limit(1)).first() is not None


class Awaited(msgspec.Struct, frozen=True):
    """How many requests of a destination are not decided yet, since when, and when it is looked next."""

    destination: str
    requests: int
    oldest_ms: int
    next_ms: int
    words: str = ""


def awaited(database: Database, workspace: str) -> Sequence[Awaited]:
    """Return what is waited for at each destination of a workspace."""
    query = (
        sa.select(
            tickets.c.destination, sa.func.count(), sa.func.min(tickets.c.opened_ms), sa.func.min(tickets.c.next_ms),
            sa.func.max(tickets.c.words),
        )
        .where(tickets.c.workspace == workspace)
        .group_by(tickets.c.destination)
        .order_by(tickets.c.destination)
    )  # fmt: skip
    with database.read() as connection:
        return [Awaited(*row) for row in connection.execute(query)]


def undecided(words: str) -> Decided:
    """Return what a request comes to that nobody decided in time."""
    return Decided(Outcome.ACCEPTED, Reason.UNDECIDED, words)
