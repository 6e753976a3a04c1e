"""One lane's rows. Each function is one transaction; an event's outcome and its place in the retries change together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._counts import move_counts
from rekindle.egress._due import due
from rekindle.egress._tables import ids, lanes, outcomes, retries
from rekindle.egress._tickets import Ticket, put
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.outcome import Outcome
from rekindle.model.record import Stored

_TOGETHER: Final = 500
"""Outcomes in one transaction: some 10 ms. Sharing a commit with more saves little."""


class Waiting(msgspec.Struct):
    """One event on its way: its record, how often it was tried, and where it is in the log."""

    stored: Stored
    record: bytes
    partition: int
    offset: int
    attempts: int = 0
    first_ms: int = 0
    from_log: bool = True

    @property
    def event_id(self) -> str:
        return self.stored.event_id


class Result(msgspec.Struct, frozen=True):
    """What became of an event now. ``next_ms`` is set for those that are tried again."""

    waiting: Waiting
    outcome: Outcome
    reason: str
    detail: str = ""
    trace: str = ""
    attempts: int = 0
    next_ms: int = 0
    item_ids: Mapping[str, int] = msgspec.field(default_factory=dict)
    ticket: str = ""


class LaneState(msgspec.Struct, frozen=True):
    """``running``; ``throttled`` and ``open`` until ``next_ms``; ``held`` until someone repairs the account."""

    state: str = "running"
    words: str = ""
    since_ms: int = 0
    next_ms: int = 0
    failures: int = 0
    succeeded_ms: int = 0
    fingerprint: str = ""


class Store:
    """The rows of one destination of one workspace."""

    def __init__(self, database: Database, workspace: str, destination: str) -> None:
        self._database = database
        self._key = {"workspace": workspace, "destination": destination}

    async def state(self) -> LaneState:
        """Return the lane's state as it was last saved."""

        def read(connection: Connection) -> LaneState:
            row = connection.execute(sa.select(lanes).where(*self._mine(lanes))).mappings().first()
            return msgspec.convert({k: row[k] for k in LaneState.__struct_fields__}, LaneState) if row else LaneState()

        return await self._database.query(read)

    async def save(self, state: LaneState) -> None:
        """Keep the lane's state over a restart."""
        values = msgspec.structs.asdict(state)

        def write(connection: Connection) -> None:
            statement = upsert(lanes, self._database.dialect).values(**self._key, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=list(self._key), set_=values))

        await self._database.run(write)

    async def known(self, event_ids: Sequence[str]) -> set[str]:
        """Return those of ``event_ids`` that have an outcome, so that reading the log twice counts nothing twice."""

        def read(connection: Connection) -> set[str]:
            found: set[str] = set()
            for start in range(0, len(event_ids), 500):
                part = event_ids[start : start + 500]
                query = sa.select(outcomes.c.event_id).where(*self._mine(outcomes), outcomes.c.event_id.in_(part))
                found.update(connection.scalars(query))
            return found

        return await self._database.query(read)

    async def due(self, now_ms: int, limit: int, partitions: Collection[int] | None = None) -> list[Waiting]:
        """Return up to ``limit`` events whose time has come, those with the fewest attempts first.

        ``partitions`` are those of the log whose events are this member's to try; None for all.
        """
        query = sa.select(retries).where(*self._mine(retries), *_within(partitions))
        columns = (retries.c.attempts, retries.c.next_ms)
        return await self._database.query(
            lambda connection: [_waiting(row) for row in due(connection, query, *columns, now_ms, limit)]
        )

    async def probe(self, partitions: Collection[int] | None = None) -> list[Waiting]:
        """Return one waiting event, whatever its time, to try a platform that was down or a token that was dead."""
        query = (
            sa.select(retries)
            .where(*self._mine(retries), *_within(partitions))
            .order_by(retries.c.attempts, retries.c.next_ms)
        )
        return await self._database.query(
            lambda connection: [_waiting(row) for row in connection.execute(query.limit(1))]
        )

    async def release(self, now_ms: int) -> None:
        """Make every waiting event due: the account works again."""

        def write(connection: Connection) -> None:
            later = (*self._mine(retries), retries.c.next_ms > now_ms)
            connection.execute(sa.update(retries).where(*later).values(next_ms=now_ms))

        await self._database.run(write)

    async def record(self, results: Sequence[Result], now_ms: int, tickets: Sequence[Ticket] = ()) -> None:
        """Write what became of events, with the ``tickets`` that some of them wait by.

        Each transaction holds so many of them at most, with their tickets: the next lane waits for one, not for all.
        """
        for start in range(0, len(results), _TOGETHER):
            part = results[start : start + _TOGETHER]
            named = {result.ticket for result in part}
            mine = [ticket for ticket in tickets if ticket.id in named]
            tickets = [ticket for ticket in tickets if ticket.id not in named]
            await self._database.run(partial(self._record, results=part, now_ms=now_ms, tickets=mine))

    def _record(
        self, connection: Connection, results: Sequence[Result], now_ms: int, tickets: Sequence[Ticket]
    ) -> None:
        for ticket in tickets:
            put(connection, ticket)
        item_ids: Counter[str] = Counter()
        again, done, rows = [], [], []
        for result in results:
            waiting = result.waiting
            name = {**self._key, "event_id": waiting.event_id}
            place = {"partition": waiting.partition, "offset": waiting.offset}
            rows.append(
                {
                    **name,
                    **place,
                    "event": waiting.stored.event[:64],
                    "outcome": str(result.outcome),
                    "reason": str(result.reason)[:64],
                    "detail": result.detail[:400],
                    "attempts": result.attempts,
                    "trace": result.trace[:100],
                    "received_ms": waiting.stored.received_ms,
                    "updated_ms": now_ms,
                    "ticket": result.ticket,
                }
            )
            if result.outcome in (Outcome.WAITING, Outcome.HELD):
                first = waiting.first_ms or now_ms
                extra = {"next_ms": result.next_ms, "attempts": result.attempts, "first_ms": first}
                again.append({**name, **place, **extra, "record": waiting.record})
            elif not waiting.from_log:
                done.append(waiting.event_id)
            if waiting.from_log:
                item_ids.update(result.item_ids)
        move_counts(connection, self._key, rows)
        self._put(connection, outcomes, rows)
        if again:
            self._put(connection, retries, again)
        for start in range(0, len(done), 500):
            part = done[start : start + 500]
            connection.execute(sa.delete(retries).where(*self._mine(retries), retries.c.event_id.in_(part)))
        for reason, count in item_ids.items():
            insert = upsert(ids, self._database.dialect).values(**self._key, reason=reason, count=count)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[*self._key, "reason"], set_={"count": ids.c.count + insert.excluded.count}
                )
            )

    def _put(self, connection: Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
        insert = upsert(table, self._database.dialect)
        key = [column.name for column in table.primary_key]
        changed = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
        connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)

    def _mine(self, table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
        return tuple(table.c[name] == value for name, value in self._key.items())


def prune(connection: Connection, workspace: str, before_ms: int) -> int:
    """Drop the outcomes of events received before that moment, unless they still wait; return how many went.

    The counts stay. The log must not hold such events any more, or they would be taken for new.
    """
    final = outcomes.c.outcome.not_in([str(Outcome.WAITING), str(Outcome.HELD)])
    old = (outcomes.c.workspace == workspace, outcomes.c.received_ms < before_ms, final)
    return connection.execute(sa.delete(outcomes).where(*old)).rowcount


def _waiting(row: sa.Row[Any]) -> Waiting:
    return Waiting(
        stored=_stored.decode(row.record), record=row.record, partition=row.partition, offset=row.offset,
        attempts=row.attempts, first_ms=row.first_ms, from_log=False,
    )  # fmt: skip


def _within(partitions: Collection[int] | None) -> list[sa.ColumnElement[bool]]:
    return [] if partitions is None else [retries.c.partition.in_(sorted(partitions))]


_stored = msgspec.msgpack.Decoder(Stored)
