"""The rows of requests that platforms decide about later. Each function is one transaction, or part of its caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import outcomes, tickets
from rekindle.egress.connector import OutRequest, Verdict
from rekindle.egress.later import DecidesLater, Waits
from rekindle.engines.database import Database
from rekindle.model.outcome import Outcome, Reason

EVENTS: Final = "events"


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
    again: bool = False
    """Whether all of it goes again in smaller requests: nobody knows which of it this is about."""


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
        sa.insert(tickets).values(**msgspec.structs.asdict(ticket))
    )  # fmt: skip


async def due(database: Database, now_ms: int, limit: int) -> list[Ticket]:
    """Return tickets whose time has come."""
    query = sa.select(*(tickets.c[name] for name in Ticket.__struct_fields__)).where(tickets.c.next_ms <= now_ms)
    query = query.order_by(tickets.c.next_ms).limit(limit)
    return await database.query(lambda connection: [Ticket(*row) for row in connection.execute(query)])


async def look_again(database: Database, ticket: Ticket, next_ms: int, words: str) -> None:
    """Put a ticket off until ``next_ms``, as one that was asked about."""
    values = {"next_ms": next_ms, "looks": ticket.looks + 1, "words": words[:400]}
    update = sa.update(tickets).where(tickets.c.id == ticket.id).values(**values)
    await database.run(lambda connection: connection.execute(update))


async def put_off(database: Database, workspace: str, destination: str, until_ms: int, words: str) -> None:
    """Put all tickets of an account off until then, or until their time is over; nobody was asked."""
    mine = (tickets.c.workspace == workspace, tickets.c.destination == destination, tickets.c.next_ms < until_ms)
    until = sa.case((tickets.c.deadline_ms < until_ms, tickets.c.deadline_ms), else_=until_ms)
    update = sa.update(tickets).where(*mine).values(next_ms=until, words=words[:400])
    await database.run(lambda connection: connection.execute(update))


async def places(database: Database, ticket: Ticket) -> list[tuple[int, int, str]]:
    """Return where in the log the events of a request are: partition, offset, id."""
    mine = (outcomes.c.ticket == ticket.id, outcomes.c.outcome == str(Outcome.ACCEPTED))
    query = sa.select(outcomes.c.partition, outcomes.c.offset, outcomes.c.event_id).where(*mine)
    return await database.query(lambda connection: [tuple(row) for row in connection.execute(query)])


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
