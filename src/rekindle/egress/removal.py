"""Take erased people off the platforms' lists: what `rekindle.privacy.subjects` has put aside is told to each of them.

A platform that decides later is asked until it has: taken is not removed. Everything stands in the database, so it goes
on after a restart, and telling a platform twice is the same as once.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from rekindle.egress._tickets import wait_ms
from rekindle.egress.account import Accounts, AccountUnusable
from rekindle.egress.audience import AudienceConnector, MappedMember, Member
from rekindle.egress.connector import OutRequest, Rejected, Verdict
from rekindle.egress.fields import cut_member
from rekindle.egress.later import DecidesLater, Receipt
from rekindle.egress.polling import ask
from rekindle.egress.send import Door
from rekindle.model.clock import Clock
from rekindle.model.sealed import Sealed
from rekindle.privacy.decide import permit_removal
from rekindle.privacy.subjects.removals import ASKED, IMPOSSIBLE, REFUSED, REMOVED, TAKEN, Removal, Removals

_TAKEN: Final = "the platform took the request and works on it"
_HOUR_MS: Final = 3_600_000


class Remover:
    """Asks platforms to forget, and whether they have."""

    def __init__(
        self, door: Door, accounts: Accounts, clock: Clock, random: Callable[[], float] = _random.random
    ) -> None:
        self._door = door
        self._accounts = accounts
        self._clock = clock
        self._random = random

    async def run(self, workspace: str, removals: Removals) -> int:
        """Tell and ask every platform whose time has come; return how many there were."""
        due = await asyncio.to_thread(removals.due)
        for removal, people in due:
            try:
                module, account = await asyncio.to_thread(self._accounts.open, workspace, removal.destination)
            except AccountUnusable as error:
                await self._later(removals, removal, str(error))
                continue
            if removal.state == ASKED:
                await self._look(removals, removal, module, account)
            else:
                await self._tell(workspace, removals, removal, people, module, account)
        return len(due)

    async def _tell(
        self, workspace: str, removals: Removals, removal: Removal, people: Sequence[Sealed], module: Any, account: Any
    ) -> None:
        mapped = _map(account, removal.request, people)
        if not mapped:
            await self._settle(
                removals, removal, IMPOSSIBLE, "nothing is known of the person that this platform could match"
            )
            return
        verdicts: list[Verdict] = []
        for request in _requests(account, mapped, self._clock()):
            verdict = await self._send(workspace, removal, request, module, account)
            if any(one == "permanent" for one in verdict.per_event):
                await self._settle(removals, removal, REFUSED, verdict.words)
                return
            if not all(one in ("delivered", "accepted") for one in verdict.per_event):
                await asyncio.to_thread(removals.again, removal, verdict.words or "no answer yet")
                return
            verdicts.append(verdict)
        if not any("accepted" in verdict.per_event for verdict in verdicts):
            await self._settle(removals, removal, REMOVED, "the platform confirmed it")
            return
        tickets = sorted({verdict.ticket for verdict in verdicts if verdict.ticket})
        if not tickets or not isinstance(account, DecidesLater) or account.waits is None:
            words = f"{_TAKEN}; it offers no call that tells what became of it"
            await self._settle(removals, removal, TAKEN, words)
            return
        now, waits = self._clock(), account.waits
        next_ms = now + wait_ms(waits, 0, self._random)
        await asyncio.to_thread(removals.waits, removal, tickets, next_ms, now + waits.deadline_ms, _TAKEN)

    async def _send(self, workspace: str, removal: Removal, request: OutRequest, module: Any, account: Any) -> Verdict:
        permits = [
            # The request stands for the person: the ledger must not name who is being erased.
            permit_removal(
                workspace, removal.request, member, removal.destination, fields=account.fields, now_ms=self._clock()
            )
            for member in request.event_ids
        ]
        return await self._door.send(
            removal.destination, workspace, account, module.manifest.limits, request, permits, module.classify
        )

    async def _look(self, removals: Removals, removal: Removal, module: Any, account: Any) -> None:
        """Ask about each request of the removal that is not decided yet."""
        if not isinstance(account, DecidesLater) or account.waits is None:
            await self._later(removals, removal, "this destination can no longer be asked")
            return
        left: list[str] = []
        receipt = Receipt("delivered")
        for ticket in removal.tickets:
            receipt = await ask(self._door, removal.destination, module, account, ticket)
            if receipt.state in ("refused", "partial"):
                await self._settle(removals, removal, REFUSED, f"the platform refused it later: {receipt.words}")
                return
            if receipt.state == "waiting":
                left.append(ticket)
        now = self._clock()
        if not left:
            await self._settle(removals, removal, REMOVED, "the platform confirmed it")
        elif not await self._given_up(removals, removal):
            next_ms = now + max(receipt.after_ms, wait_ms(account.waits, removal.attempts + 1, self._random))
            next_ms = min(next_ms, removal.deadline_ms)
            await asyncio.to_thread(removals.waits, removal, left, next_ms, removal.deadline_ms, _TAKEN)

    async def _later(self, removals: Removals, removal: Removal, words: str) -> None:
        if removal.state != ASKED:
            await asyncio.to_thread(removals.again, removal, words)
        elif not await self._given_up(removals, removal):
            next_ms = min(self._clock() + _HOUR_MS, removal.deadline_ms)
            await asyncio.to_thread(
                removals.waits, removal, removal.tickets, next_ms, removal.deadline_ms, f"{_TAKEN}; {words}"
            )

    async def _given_up(self, removals: Removals, removal: Removal) -> bool:
        """End what nobody decided in time, and say so."""
        if self._clock() < removal.deadline_ms:
            return False
        words = f"{_TAKEN}, and did not say in time what became of it; ask it by hand"
        await self._settle(removals, removal, TAKEN, words)
        return True

    async def _settle(self, removals: Removals, removal: Removal, state: str, words: str) -> None:
        await asyncio.to_thread(removals.settle, removal.request, removal.destination, state, words)


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
