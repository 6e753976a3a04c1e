"""Ask what became of items that were sent, to the end: what is refused is named, what is lost is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy.engine import Connection

from rekindle.egress.items import Line
from rekindle.engines.database import Database
from rekindle.feeds.push._store import ACCEPTED, REFUSED, TAKEN, WAITING, Row, Rows, Ticket
from rekindle.feeds.push.platform import Catalogue, Entry, Look, Platform
from rekindle.model.clock import Clock

_AT_ONCE: Final = 10


class Asker:
    """Asks about the requests of one feed, with growing waits and out of the line's own quota."""

    def __init__(self, database: Database, rows: Rows, line: Line[Catalogue], platform: Platform, clock: Clock) -> None:
        self._database, self._rows, self._line, self._platform = database, rows, line, platform
        self._clock = clock

    async def step(self, account: Catalogue) -> int:
        """Ask about what is due; return how many requests were decided."""
        now = self._clock()
        decided = 0
        for ticket in await self._database.query(lambda c: self._rows.due_tickets(c, now, _AT_ONCE)):
            if await self._line.open() is None:
                break
            decided += await self._ask(account, ticket)
        return decided

    async def _ask(self, account: Catalogue, ticket: Ticket) -> int:
        rows = await self._database.query(lambda c: self._rows.of_ticket(c, ticket.ticket))
        if not rows:
            await self._database.run(lambda c: self._rows.close_ticket(c, ticket.ticket))
            return 1
        calls = len(rows) if self._platform.per_item else 1
        leave = await self._line.leave(calls)
        if leave < calls:
            self._line.give_back(leave)
            return 0
        look = await self._look(account, ticket, rows)
        now = self._clock()
        late = now >= ticket.opened_ms + self._platform.waits.deadline_ms
        settled = self._settled(rows, look, now, late=late)
        left = any(row.ticket for row in settled)

        def write(connection: Connection) -> None:
            self._rows.settle(connection, settled)
            if left:
                self._rows.open_ticket(connection, self._again(ticket, look, now))
            else:
                self._rows.close_ticket(connection, ticket.ticket)

        await self._database.run(write)
        return int(not left)

    async def _look(self, account: Catalogue, ticket: Ticket, rows: Sequence[Row]) -> Look:
        entries = [Entry(row.item, None, row.wanted_ms) for row in rows]
        answer = await self._line.ask(account, account.question(ticket.ticket, entries))
        if isinstance(answer, str):
            return Look("waiting", words=answer)
        return account.read_question(answer, ticket.ticket, entries)

    def _again(self, ticket: Ticket, look: Look, now: int) -> Ticket:
        waits = self._platform.waits
        wait = max(look.after_ms, min(waits.first_ms << min(ticket.looks + 1, 20), waits.longest_ms))
        return msgspec.structs.replace(ticket, looks=ticket.looks + 1, look_ms=now + wait, words=look.words)

    def _settled(self, rows: Sequence[Row], look: Look, now: int, *, late: bool) -> list[Row]:
        if look.state == "lost" or (late and look.state == "waiting"):
            return [self._lost(row, look, now) for row in rows]
        if look.state == "waiting":
            return list(rows)
        return [
            (self._lost(row, look, now) if late else row)
            if row.item in look.undecided
            else self._decided(row, look, now)
            for row in rows
        ]

    def _lost(self, row: Row, look: Look, now: int) -> Row:
        if row.state != TAKEN:
            return msgspec.structs.replace(row, ticket="")  # it has the item; only its later word is missing
        # Nobody knows what became of it, and sending it twice is harmless.
        due = now + self._line.backoff_ms(row.tries + 1, 0)
        return msgspec.structs.replace(row, state=WAITING, tries=row.tries + 1, due_ms=due, words=look.words, ticket="")

    def _decided(self, row: Row, look: Look, now: int) -> Row:
        reason = look.reasons.get(row.item)
        if reason is not None and reason.refused:
            return msgspec.structs.replace(row, state=REFUSED, code=reason.code, words=reason.words, ticket="")
        said = {"code": reason.code if reason else "", "words": reason.words if reason else "", "ticket": ""}
        if row.state != TAKEN:
            return msgspec.structs.replace(row, **said)
        return msgspec.structs.replace(row, **said, state=ACCEPTED, accepted=row.wanted, accepted_ms=now)
