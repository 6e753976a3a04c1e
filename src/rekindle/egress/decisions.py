"""Ask platforms what they decided about requests they took, and write down what they say.

The tickets stand in the database, so a restart goes on where it was; a ticket is asked about by one process at a time.
A platform is asked with growing waits until it decides or its time is over. What nobody decided in time is said to be
undecided: it is neither lost nor delivered.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable
from typing import Any, Final

import msgspec

from rekindle.egress import _tickets, quality
from rekindle.egress._tickets import Decided, Ticket
from rekindle.egress.account import Accounts, AccountUnusable
from rekindle.egress.answers import retry_after_ms
from rekindle.egress.http import TransportFailed
from rekindle.egress.later import DecidesLater, Receipt, Waits
from rekindle.egress.rated import Score
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.privacy.ledger import LedgerLine

_AT_ONCE: Final = 10
_PAUSE_MS: Final = 1_000
_WAITS: Final = Waits(first_ms=1_800_000)
"""For a ticket whose account cannot be opened: nobody says what its waits would be."""


class Poller:
    """Looks for all destinations of an installation, at most ten requests a second."""

    def __init__(
        self,
        database: Database,
        door: Door,
        accounts: Accounts,
        clock: Clock,
        holder: str,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """``holder`` names this process among those that share the database."""
        self._database = database
        self._door = door
        self._accounts = accounts
        self._clock = clock
        self._holder = holder
        self._random = random
        self._looked_ms = -_PAUSE_MS

    async def step(self) -> int:
        """Look at what is due; return how many requests were decided."""
        now = self._clock()
        if 0 <= now - self._looked_ms < _PAUSE_MS:
            return 0
        self._looked_ms = now
        decided = 0
        for ticket in await _tickets.claim(self._database, self._holder, now, _AT_ONCE):
            decided += await self._look(ticket)
        return decided

    async def _look(self, ticket: Ticket) -> int:
        waits, receipt = await self._ask(ticket)
        now = self._clock()
        decided = decision(receipt) or (_tickets.undecided(receipt.words) if now >= ticket.deadline_ms else None)
        if decided is None:
            wait = max(receipt.after_ms, _tickets.wait_ms(waits, ticket.looks + 1, self._random))
            next_ms = min(now + wait, max(now, ticket.deadline_ms))
            await _tickets.look_again(self._database, self._holder, ticket, next_ms, receipt.words)
            return 0
        if receipt.match_rate is not None:
            percent, words = receipt.match_rate
            score = Score("match-rate", ticket.operation, percent, "percent", words)
            await quality.keep(self._database, ticket.workspace, ticket.destination, [score], now)
        # Written down first: what cannot be recorded is asked again.
        await self._door.note(_line(ticket, receipt, decided, now))
        return int(await _tickets.close(self._database, self._holder, ticket, decided, now) is not None)

    async def _ask(self, ticket: Ticket) -> tuple[Waits, Receipt]:
        try:
            module, account = await asyncio.to_thread(self._accounts.open, ticket.workspace, ticket.destination)
        except AccountUnusable as error:
            return _WAITS, Receipt("waiting", str(error))
        if not isinstance(account, DecidesLater):
            return _WAITS, Receipt("waiting", "this destination can no longer be asked")
        return account.waits or _WAITS, await ask(self._door, ticket.destination, module, account, ticket.ticket)


async def ask(door: Door, name: str, module: Any, account: Any, ticket: str) -> Receipt:
    """Ask one platform about one request. No answer is ``waiting``."""
    try:
        answer = await door.ask(name, account, module.manifest.limits, account.status_request(ticket))
    except TransportFailed as error:
        return Receipt("waiting", f"no answer: {error}")
    try:
        receipt: Receipt = account.read_status(answer, ticket)
    except Exception as error:  # noqa: BLE001 - one answer a connector did not expect must not stop the others
        return Receipt("waiting", f"the answer was not understood: {type(error).__name__}")
    return msgspec.structs.replace(receipt, after_ms=max(receipt.after_ms, retry_after_ms(answer)))


def decision(receipt: Receipt) -> Decided | None:
    """Return what a request's events or people have come to by a platform's word; None while it has not decided."""
    if receipt.state == "waiting":
        return None
    if receipt.state == "delivered":
        return Decided(Outcome.DELIVERED, Reason.OK, receipt.words)
    if receipt.state == "refused":
        return Decided(Outcome.DEAD, Reason.PLATFORM_REFUSED, receipt.words)
    return Decided(Outcome.ACCEPTED, Reason.PARTLY_REFUSED, receipt.words)


def _line(ticket: Ticket, receipt: Receipt, decided: Decided, now_ms: int) -> LedgerLine:
    facts = {"trace": ticket.ticket[:100], "operation": ticket.operation, "reasons": dict(receipt.reasons),
             "asked_ms": ticket.opened_ms}  # fmt: skip
    return LedgerLine(
        kind="send", workspace=ticket.workspace, at_ms=now_ms, actor="egress", action="decided",
        destination=ticket.destination, outcome=str(decided.outcome), reason=str(decided.reason), facts=facts,
    )  # fmt: skip
