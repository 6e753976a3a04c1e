"""A feed's line to its platform: items leave by the same door as events, with a record, a budget and a state of their own.

Items of a catalogue are about goods, so there is no permit; everything else is as for events: hosts are checked, each
request stands in the ledger before it leaves, quota, waits, breaker and hold are the account's, and outlive the process.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from rekindle.egress import _pace
from rekindle.egress._quota import Quota
from rekindle.egress._standing import Standing
from rekindle.egress._store import LaneState, Store
from rekindle.egress._tables import lanes
from rekindle.egress.answers import retry_after_ms, same
from rekindle.egress.connector import Answer, Manifest, OutRequest, Retry, Verdict
from rekindle.egress.http import TransportFailed
from rekindle.egress.options import Parts
from rekindle.egress.send import Account, Door
from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.privacy.ledger import LedgerLine

PREFIX: Final = "@"
"""Feeds stand beside destinations in the tables of egress; no destination's name begins so."""


def line_name(feed: str) -> str:
    """Return the name that a feed's line has among those of destinations."""
    return PREFIX + feed


class ItemAccount(Account, Protocol):
    """A configured account that items go to."""


C = TypeVar("C", bound=ItemAccount)


class Line(Generic[C]):
    """The line of one feed. One process at a time may use it."""

    def __init__(
        self, database: Database, door: Door, workspace: str, feed: str, *, manifest: Manifest, parts: Parts,
        configure: Callable[[Mapping[str, str]], C], secret: Callable[[str], str],
        release: Callable[[int], Awaitable[None]], clock: Clock, random: Callable[[], float],
    ) -> None:  # fmt: skip
        """``release(now)`` makes due what waits; it is called when an account that did not work works again."""
        self._door, self._workspace, self._feed = door, workspace, feed
        self._limits, self._clock, self._random = manifest.limits, clock, random
        rate = parts.options.per_second or manifest.limits.per_second
        self._quota = Quota(database, workspace, line_name(feed), rate, clock) if rate else None
        self._leave = 0
        self.width = parts.options.concurrency or manifest.limits.concurrency
        self._standing: Standing[C] = Standing(
            workspace, line_name(feed), store=Store(database, workspace, line_name(feed)), secret_names=parts.secrets,
            secret=secret, configure=configure, release=release, clock=clock,
        )  # fmt: skip

    async def open(self) -> C | None:
        """Return the account, with its newest secrets, if it may be asked now."""
        now = self._clock()
        state = await self._standing.look(now)
        return None if now < state.next_ms else self._standing.connector

    async def at_once(self) -> int:
        """Return how many requests may be under way: one while it is not known that the account works again."""
        return self.width if (await self._standing.state()).state == "running" else 1

    async def leave(self, calls: int) -> int:
        """Return for how many of the platform's calls there is leave now, up to ``calls``."""
        if self._quota is None:
            return calls
        if self._leave < calls:
            self._leave += await self._quota.take(calls - self._leave)
        taken = min(self._leave, calls)
        self._leave -= taken
        return taken

    def give_back(self, calls: int) -> None:
        """Take back leave that was not used."""
        if self._quota is not None:
            self._leave += calls

    def backoff_ms(self, tries: int, floor_ms: int) -> int:
        """Return how long to wait before an item is tried again: drawn, and on top of what the platform asks for."""
        return _pace.backoff_ms(tries, floor_ms, self._random)

    async def send(
        self, account: C, request: OutRequest, what: Mapping[str, int], read: Callable[[Answer], Verdict]
    ) -> Verdict:
        """Send items and return what the answer means. ``what`` counts what is in the request, for the ledger.

        Raises `HostRefused`, and whatever the ledger raises when it cannot record: then nothing was sent.
        """
        digest = hashlib.sha256(request.body).hexdigest()
        await self._note("push", {"request": digest, **what})
        try:
            verdict = read(await self._door.ask(line_name(self._feed), account, self._limits, request))
        except TransportFailed as error:
            verdict = same("retry", sum(what.values()), retry=Retry(), words=f"no answer: {error}")
        facts = {"request": digest, "results": dict(Counter(verdict.per_event)), "trace": verdict.trace}
        await self._note("answer", facts, verdict.words)
        await self._judge(verdict)
        return verdict

    async def ask(self, account: C, request: OutRequest) -> Answer | str:
        """Ask what became of items sent before; return the answer, or in words why there is none to read."""
        try:
            answer = await self._door.ask(line_name(self._feed), account, self._limits, request)
        except TransportFailed as error:
            return f"no answer: {error}"
        if answer.status == 429 or answer.status >= 500:
            throttled = answer.status == 429
            retry = Retry(retry_after_ms(answer), throttled=throttled)
            await self._judge(same("retry", 1, retry=retry, words=f"HTTP {answer.status} to a question"))
            return f"HTTP {answer.status}"
        return answer

    async def _judge(self, verdict: Verdict) -> None:
        state = await self._standing.state()
        mark = self._standing.fingerprint
        await self._standing.keep(_pace.judged(state, verdict, self._clock(), mark, self._random, late=False))

    async def _note(self, action: str, facts: Mapping[str, Any], words: str = "") -> None:
        await self._door.note(
            LedgerLine(
                kind="publication", workspace=self._workspace, at_ms=self._clock(), actor="egress", action=action,
                destination=line_name(self._feed), reason=words, facts=facts,
            )
        )  # fmt: skip


def line_states(database: Database, workspace: str) -> Mapping[str, LaneState]:
    """Return how the lines of a workspace's feeds stand, by feed; those that were never used are left out."""
    query = sa.select(lanes).where(
        lanes.c.workspace == workspace, lanes.c.destination.startswith(PREFIX, autoescape=True)
    )
    with database.read() as connection:
        return {
            str(row["destination"]).removeprefix(PREFIX): msgspec.convert(
                {name: row[name] for name in LaneState.__struct_fields__}, LaneState
            )
            for row in connection.execute(query).mappings()
        }


__all__ = ["ItemAccount", "LaneState", "Line", "line_name", "line_states"]
