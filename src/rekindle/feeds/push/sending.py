"""Send what is due: as much in a request as the platform takes, several at once, a bad item set aside and named."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy.engine import Connection

from rekindle.egress.connector import Answer, Verdict
from rekindle.egress.items import Line
from rekindle.engines.database import Database
from rekindle.feeds.push._store import ACCEPTED, REFUSED, TAKEN, WAITING, Row, Rows, Ticket
from rekindle.feeds.push.platform import Catalogue, Entry, Platform, Reason, Reply
from rekindle.model.clock import Clock

Values = Mapping[str, Mapping[str, str]]
"""Published values by id and attribute."""

_MOST: Final = 20_000
"""Items in memory at once, at the utmost."""


class Sender:
    """Sends the items of one feed."""

    def __init__(self, database: Database, rows: Rows, line: Line[Catalogue], platform: Platform, clock: Clock) -> None:
        self._database, self._rows, self._line, self._platform = database, rows, line, platform
        self._clock = clock

    async def step(self, account: Catalogue, values: Callable[[Sequence[str]], Values]) -> int:
        """Send what may go now; return how many items were answered for. ``values`` reads those of the version."""
        width = await self._line.at_once()
        now = self._clock()
        due = await self._database.query(
            lambda c: self._rows.due(c, now, min(_MOST, account.batch * width) if width > 1 else 1)
        )
        if not due:
            return 0
        wanted = [row.item for row in due if row.wanted]
        found = await asyncio.to_thread(values, wanted) if wanted else {}
        await self._database.run(lambda c: self._rows.sending(c, due))
        due = [msgspec.structs.replace(row, pushed=row.pushed or row.wanted) for row in due]
        pairs = await asyncio.to_thread(self._entries, account, due, found)
        requests = list(_requests(pairs, account.batch, self._platform.most_bytes))
        done = await asyncio.gather(*(self._send(account, request) for request in requests))
        return sum(done)

    def _entries(self, account: Catalogue, due: Sequence[Row], found: Values) -> list[tuple[Row, Entry]]:
        pairs = []
        for row in due:
            content: bytes | None = None
            if row.wanted:
                values = found.get(row.item)
                if values is None:
                    continue  # the pointer moved since; the plan says what becomes of it
                content = msgspec.json.encode(account.content(values))
            pairs.append((row, Entry(row.item, content, row.wanted_ms)))
        return pairs

    async def _send(self, account: Catalogue, pairs: Sequence[tuple[Row, Entry]]) -> int:
        calls = len(pairs) if self._platform.per_item else 1
        leave = await self._line.leave(calls)
        if leave < calls:
            if not self._platform.per_item or not leave:
                self._line.give_back(leave)
                return 0
            pairs = pairs[:leave]
        entries = [entry for _, entry in pairs]
        request = account.build(entries)
        removals = sum(entry.content is None for entry in entries)
        what = {"items": len(entries) - removals, "removals": removals}
        replies: list[Reply] = []

        def read(answer: Answer) -> Verdict:
            reply = account.read(answer, entries)
            replies.append(reply)
            return reply.verdict

        verdict = await self._line.send(account, request, what, read)
        reasons = replies[0].reasons if replies else {}
        if verdict.per_event == ("split",):
            verdict = msgspec.structs.replace(verdict, per_event=("permanent",))  # it has no company
        split = [pair for pair, one in zip(pairs, verdict.per_event, strict=True) if one == "split"]
        ticket = self._ticket(verdict, request.body)
        now = self._clock()
        settled = [
            self._settled(row, one, reasons.get(place), verdict, ticket, now)
            for place, ((row, _), one) in enumerate(zip(pairs, verdict.per_event, strict=True))
            if one not in ("split", "hold")
        ]
        await self._write(settled, ticket, now)
        done = sum(row.state != WAITING for row in settled)
        if split:
            # Refused because of its company: in halves, until the bad one is alone.
            middle = (len(split) + 1) // 2 if len(split) == len(pairs) else len(split)
            for half in (split[:middle], split[middle:]):
                if half and await self._line.open() is not None:
                    done += await self._send(account, half)
        return done

    def _ticket(self, verdict: Verdict, body: bytes) -> str:
        if verdict.ticket:
            return verdict.ticket[:255]
        # A platform that takes items at once still says later what it made of them: they are asked for by their ids.
        return hashlib.sha256(body).hexdigest()[:32] if "delivered" in verdict.per_event else ""

    def _settled(self, row: Row, one: str, reason: Reason | None, verdict: Verdict, ticket: str, now: int) -> Row:
        if one == "retry":
            tries = row.tries + 1
            wait = self._line.backoff_ms(tries, verdict.retry.after_ms if verdict.retry else 0)
            return msgspec.structs.replace(row, state=WAITING, tries=tries, due_ms=now + wait, words=verdict.words)
        sent = {"pushed": row.wanted, "pushed_ms": now, "tries": 0, "due_ms": 0}
        if one == "permanent":
            told = reason or Reason("refused", verdict.words)
            return msgspec.structs.replace(row, **sent, state=REFUSED, code=told.code, words=told.words, ticket="")
        if one == "accepted":
            return msgspec.structs.replace(row, **sent, state=TAKEN, code="", words="", ticket=ticket)
        taken = {"accepted": row.wanted, "accepted_ms": now}
        return msgspec.structs.replace(row, **sent, **taken, state=ACCEPTED, code="", words="", ticket=ticket)

    async def _write(self, settled: Sequence[Row], ticket: str, now: int) -> None:
        asked = any(row.ticket and (row.wanted or row.state == TAKEN) for row in settled)

        def write(connection: Connection) -> None:
            self._rows.settle(connection, settled)
            if asked:
                self._rows.open_ticket(connection, Ticket(ticket, now, 0, now + self._platform.waits.first_ms))

        if settled:
            await self._database.run(write)


def _requests(pairs: Sequence[tuple[Row, Entry]], batch: int, most_bytes: int) -> Iterator[list[tuple[Row, Entry]]]:
    """Part the entries into requests that are as large as the platform takes."""
    part: list[tuple[Row, Entry]] = []
    size = 0
    for pair in pairs:
        if part and (len(part) >= batch or size + pair[1].size > most_bytes):
            yield part
            part, size = [], 0
        part.append(pair)
        size += pair[1].size
    if part:
        yield part
