"""Ask platforms what they decided about requests they took, and write down what they say (`rekindle.egress.asking`).

The tickets stand in the database, so a restart goes on where it was. A platform is asked with growing waits until it
decides or its time is over. What nobody decided in time is said to be undecided: it is neither lost nor delivered.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from rekindle.egress import _tickets, quality
from rekindle.egress._closing import close
from rekindle.egress._records import entries
from rekindle.egress._tickets import Decided, Ticket
from rekindle.egress.answers import retry_after_ms
from rekindle.egress.asking import Line
from rekindle.egress.http import TransportFailed
from rekindle.egress.later import DecidesLater, Receipt, Waits
from rekindle.egress.rated import Score
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log import Entry, Log
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.privacy.ledger import LedgerLine

_WAITS: Final = Waits(first_ms=1_800_000)
"""For a ticket whose account cannot be opened: nobody says what its waits would be."""


class Decisions:
    """The errand of the tickets, for all destinations of an installation."""

    name = "decisions"
    pause_ms = 1_000

    def __init__(
        self, database: Database, log: Log, door: Door, clock: Clock, random: Callable[[], float] = _random.random
    ) -> None:
        """``log`` holds the events, should some of them have to go again."""
        self._database = database
        self._log = log
        self._door = door
        self._clock = clock
        self._random = random

    async def due(self, now_ms: int, limit: int) -> Sequence[Ticket]:
        """See `Errand.due`."""
        return await _tickets.due(self._database, now_ms, limit)

    async def run(self, due: Ticket, line: Line) -> int:
        """See `Errand.run`."""
        account: Any = line.account
        if not isinstance(account, DecidesLater):
            return await self._heard(due, _WAITS, Receipt("waiting", "this destination can no longer be asked"))
        return await self._heard(due, account.waits or _WAITS, await status(line, due.ticket))

    async def postpone(self, due: Ticket, until_ms: int, words: str) -> int:
        """See `Errand.postpone`."""
        if until_ms and self._clock() < due.deadline_ms:
            await _tickets.put_off(self._database, due.workspace, due.destination, until_ms, words)
            return 0
        return await self._heard(due, _WAITS, Receipt("waiting", words))

    async def _heard(self, ticket: Ticket, waits: Waits, receipt: Receipt) -> int:
        now = self._clock()
        decided = decision(receipt, again=waits.again) or (
            _tickets.undecided(receipt.words) if now >= ticket.deadline_ms else None
        )
        if decided is None:
            wait = max(receipt.after_ms, _tickets.wait_ms(waits, ticket.looks + 1, self._random))
            next_ms = min(now + wait, max(now, ticket.deadline_ms))
            await _tickets.look_again(self._database, ticket, next_ms, receipt.words)
            return 0
        if receipt.match_rate is not None:
            percent, words = receipt.match_rate
            score = Score("match-rate", ticket.operation, percent, "percent", words)
            await quality.keep(self._database, ticket.workspace, ticket.destination, [score], now)
        # Written down first: what cannot be recorded is asked again.
        await self._door.note(_line(ticket, receipt, decided, now))
        records = await self._records(ticket) if decided.again and ticket.operation == _tickets.EVENTS else None
        return int(await close(self._database, ticket, decided, now, records) is not None)

    async def _records(self, ticket: Ticket) -> dict[str, Entry]:
        """Return the log's records of a request's events; none when it was about one alone, which then is the bad one."""
        places = await _tickets.places(self._database, ticket)
        if len(places) < 2:
            return {}
        return {name: entry for name, (_, entry) in (await entries(self._log, places)).items()}


async def status(line: Line, ticket: str) -> Receipt:
    """Ask one platform about one request; its account is one that `DecidesLater`. No answer is ``waiting``."""
    account: DecidesLater = line.account
    try:
        answer = await line.ask(account.status_request(ticket))
    except TransportFailed as error:
        return Receipt("waiting", f"no answer: {error}")
    try:
        receipt = account.read_status(answer, ticket)
    except Exception as error:  # noqa: BLE001 - one answer a connector did not expect must not stop the others
        return Receipt("waiting", f"the answer was not understood: {type(error).__name__}")
    return msgspec.structs.replace(receipt, after_ms=max(receipt.after_ms, retry_after_ms(answer)))


def decision(receipt: Receipt, *, again: bool = False) -> Decided | None:
    """Return what a request's events or people have come to by a platform's word; None while it has not decided.

    ``again`` is the account's (`Waits.again`).
    """
    if receipt.state == "waiting":
        return None
    if receipt.state == "delivered":
        return Decided(Outcome.DELIVERED, Reason.OK, receipt.words)
    if receipt.state == "refused":
        return Decided(Outcome.DEAD, Reason.PLATFORM_REFUSED, receipt.words)
    return Decided(Outcome.ACCEPTED, Reason.PARTLY_REFUSED, receipt.words, again)


def _line(ticket: Ticket, receipt: Receipt, decided: Decided, now_ms: int) -> LedgerLine:
    facts = {"trace": ticket.ticket[:100], "operation": ticket.operation, "reasons": dict(receipt.reasons),
             "asked_ms": ticket.opened_ms}  # fmt: skip
    return LedgerLine(
        kind="send", workspace=ticket.workspace, at_ms=now_ms, actor="egress", action="decided",
        destination=ticket.destination, outcome=str(decided.outcome), reason=str(decided.reason), facts=facts,
    )  # fmt: skip
