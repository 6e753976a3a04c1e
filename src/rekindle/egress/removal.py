"""Take erased people off the platforms' lists: what `rekindle.privacy.subjects` has put aside is told to each of them.

A platform that decides later is asked until it has: taken is not removed, and what it refused is told again. Everything
stands in the database, so it goes on after a restart, and telling a platform twice is the same as once.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from rekindle.egress._tickets import wait_ms
from rekindle.egress.asking import Line
from rekindle.egress.audience import AudienceConnector, MappedMember, Member
from rekindle.egress.connector import OutRequest, Rejected, Verdict
from rekindle.egress.decisions import status
from rekindle.egress.fields import cut_member
from rekindle.egress.later import DecidesLater, Receipt
from rekindle.model.clock import Clock
from rekindle.model.sealed import Sealed
from rekindle.privacy.decide import permit_removal
from rekindle.privacy.permit import Permit
from rekindle.privacy.subjects.removals import ASKED, IMPOSSIBLE, REFUSED, REMOVED, TAKEN, Removal, Removals

_TAKEN: Final = "the platform took the request and works on it"
_HOUR_MS: Final = 3_600_000


class Forgetting(NamedTuple):
    """One removal that is due, with what the platform knows the person by."""

    workspace: str
    removal: Removal
    people: Sequence[Sealed]
    removals: Removals

    @property
    def destination(self) -> str:
        return self.removal.destination


class Forgets:
    """The errand of the removals. ``removals`` gives those of each workspace."""

    name = "removals"
    pause_ms = 5_000

    def __init__(
        self,
        removals: Callable[[], Iterable[tuple[str, Removals]]],
        clock: Clock,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._removals = removals
        self._clock = clock
        self._random = random

    async def due(self, now_ms: int, limit: int) -> Sequence[Forgetting]:
        """See `Errand.due`. A command may tell platforms too, so for two minutes nobody else gets these."""
        found: list[Forgetting] = []
        for workspace, removals in self._removals():
            for removal, people in await asyncio.to_thread(removals.due):
                found.append(Forgetting(workspace, removal, people, removals))
        return found

    async def run(self, due: Forgetting, line: Line) -> int:
        """See `Errand.run`."""
        await (self._look(due, line) if due.removal.state == ASKED else self._tell(due, line))
        return 1

    async def postpone(self, due: Forgetting, until_ms: int, words: str) -> int:
        """See `Errand.postpone`."""
        removal = due.removal
        if removal.state != ASKED:
            await asyncio.to_thread(due.removals.again, removal, words, until_ms)
        elif not await self._given_up(due):
            next_ms = min(until_ms or self._clock() + _HOUR_MS, removal.deadline_ms)
            await self._wait(due, removal.tickets, next_ms, removal.deadline_ms, f"{_TAKEN}; {words}")
        return 0

    async def _tell(self, due: Forgetting, line: Line) -> None:
        account: Any = line.account
        mapped = _map(account, due.removal.request, due.people)
        if not mapped:
            await self._settle(due, IMPOSSIBLE, "nothing is known of the person that this platform could match")
            return
        verdicts: list[Verdict] = []
        for request in _requests(account, mapped, self._clock()):
            verdict = await line.send(request, self._permits(due, request, account))
            if any(one == "permanent" for one in verdict.per_event):
                await self._refused(due, verdict.words)
                return
            if not all(one in ("delivered", "accepted") for one in verdict.per_event):
                await asyncio.to_thread(due.removals.again, due.removal, verdict.words or "no answer yet")
                return
            verdicts.append(verdict)
        if not any("accepted" in verdict.per_event for verdict in verdicts):
            await self._settle(due, REMOVED, "the platform confirmed it")
            return
        tickets = sorted({verdict.ticket for verdict in verdicts if verdict.ticket})
        if not tickets or not isinstance(account, DecidesLater) or account.waits is None:
            await self._settle(due, TAKEN, f"{_TAKEN}; it offers no call that tells what became of it")
            return
        now, waits = self._clock(), account.waits
        await self._wait(due, tickets, now + wait_ms(waits, 0, self._random), now + waits.deadline_ms, _TAKEN)

    def _permits(self, due: Forgetting, request: OutRequest, account: AudienceConnector) -> list[Permit]:
        return [
            # The request stands for the person: the ledger must not name who is being erased.
            permit_removal(
                due.workspace, due.removal.request, member, due.destination, fields=account.fields,
                now_ms=self._clock(),
            )
            for member in request.event_ids
        ]  # fmt: skip

    async def _look(self, due: Forgetting, line: Line) -> None:
        """Ask about each request of the removal that is not decided yet."""
        removal, account = due.removal, line.account
        if not isinstance(account, DecidesLater) or account.waits is None:
            await self.postpone(due, 0, "this destination can no longer be asked")
            return
        left: list[str] = []
        receipt = Receipt("delivered")
        for ticket in removal.tickets:
            receipt = await status(line, ticket)
            if receipt.state in ("refused", "partial"):
                await self._refused(due, f"the platform refused it later: {receipt.words}")
                return
            if receipt.state == "waiting":
                left.append(ticket)
        now = self._clock()
        if not left:
            await self._settle(due, REMOVED, "the platform confirmed it")
        elif not await self._given_up(due):
            next_ms = now + max(receipt.after_ms, wait_ms(account.waits, removal.attempts + 1, self._random))
            await self._wait(due, left, min(next_ms, removal.deadline_ms), removal.deadline_ms, _TAKEN)

    async def _refused(self, due: Forgetting, words: str) -> None:
        """Tell it again later: what was wrong (an account, a list, the platform itself) may be mended by then."""
        if not await asyncio.to_thread(due.removals.refused, due.removal, words):
            await self._settle(due, REFUSED, words)

    async def _given_up(self, due: Forgetting) -> bool:
        """End what nobody decided in time, and say so."""
        if self._clock() < due.removal.deadline_ms:
            return False
        await self._settle(due, TAKEN, f"{_TAKEN}, and did not say in time what became of it; ask it by hand")
        return True

    async def _wait(self, due: Forgetting, tickets: Sequence[str], next_ms: int, deadline_ms: int, words: str) -> None:
        await asyncio.to_thread(due.removals.waits, due.removal, tickets, next_ms, deadline_ms, words)

    async def _settle(self, due: Forgetting, state: str, words: str) -> None:
        await asyncio.to_thread(due.removals.settle, due.removal.request, due.destination, state, words)


def _requests(account: AudienceConnector, mapped: Sequence[MappedMember], now_ms: int) -> Iterator[OutRequest]:
    groups: dict[str, list[MappedMember]] = {}
    for member in mapped:
        groups.setdefault(member.group, []).append(member)
    for group in groups.values():
        for start in range(0, len(group), account.batch):
            yield from account.build("remove", group[start : start + account.batch], now_ms)


def _map(connector: AudienceConnector, request: str, people: Sequence[Sealed]) -> list[MappedMember]:
    found = []
    for number, sealed in enumerate(people):
        user, client = cut_member(sealed.user, sealed.client, connector.fields)
        mapped = connector.map(Member(f"{request}-{number}", user, client), "remove")
        if not isinstance(mapped, Rejected):
            found.append(mapped)
    return found
