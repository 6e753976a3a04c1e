"""Ask platforms outside the lanes: what they decided, whom they forgot, how good what they get is. One for an installation.

What is asked differs (`Errand`); how an account may be asked is the same for all: with its newest secrets, within the
quota that it shares with its lane, not while the platform asks to wait, is down, or refuses the account's secret. One
process asks at a time, by a lease, so that what it learnt about an account holds for all that is asked of it.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from prometheus_client import Counter

from rekindle.egress._budget import Budget
from rekindle.egress.account import Accounts, AccountUnusable, Opened
from rekindle.egress.connector import Answer, OutRequest, Verdict
from rekindle.egress.http import TransportFailed
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.privacy.permit import Permit

_AT_ONCE: Final = 10
_FAULT_MS: Final = 120_000
_asked = Counter("rekindle_asked_total", "What platforms were asked outside the lanes", ["errand", "outcome"])


class Due(Protocol):
    """One thing to ask an account."""

    @property
    def workspace(self) -> str:
        """The shop's workspace."""
        ...

    @property
    def destination(self) -> str:
        """The destination's name there."""
        ...


D = TypeVar("D", bound=Due)
D_ = TypeVar("D_", bound=Due)


class Line:
    """An account that is open and may be asked; every request goes at the expense of its quota."""

    def __init__(self, opened: Opened, name: str, workspace: str, door: Door, budget: Budget) -> None:
        self.module = opened.module
        self.account = opened.account
        self._mark = opened.mark
        self._name = name
        self._workspace = workspace
        self._door = door
        self._budget = budget

    async def ask(self, request: OutRequest) -> Answer:
        """Ask a question that has nobody's data in it. Raises `TransportFailed`, and what `Door.ask` raises."""
        self._budget.spend()
        try:
            answer = await self._door.ask(self._name, self.account, self.module.manifest.limits, request)
        except TransportFailed as error:
            await self._budget.failed(str(error))
            raise
        await self._budget.answered(answer, self._mark)
        return answer

    async def send(self, request: OutRequest, permits: Sequence[Permit]) -> Verdict:
        """Send what has people in it, with their permits. Raises what `Door.send` raises."""
        self._budget.spend()
        verdict = await self._door.send(
            self._name, self._workspace, self.account, self.module.manifest.limits, request, permits,
            self.module.classify,
        )  # fmt: skip
        await self._budget.judged(verdict, self._mark)
        return verdict


class Errand(Protocol, Generic[D]):
    """One kind of question. It keeps in the database what is to be asked and what was said."""

    @property
    def name(self) -> str:
        """Its name in metrics."""
        ...

    @property
    def pause_ms(self) -> int:
        """At most so often it is looked whether something is due."""
        ...

    async def due(self, now_ms: int, limit: int) -> Sequence[D]:
        """Return up to ``limit`` that are to be asked now, the longest waiting first."""
        ...

    async def run(self, due: D, line: Line) -> int:
        """Ask, and write down what was said and when to ask again; return how much came to an end."""
        ...

    async def postpone(self, due: D, until_ms: int, words: str) -> int:
        """Note that the account cannot be asked before ``until_ms`` (0: nobody knows when), and why.

        Everything of the account may be put off together. Returns how much came to an end by it.
        """
        ...


class Asker:
    """Runs errands, at most ten of each kind in one look, those of different accounts side by side."""

    def __init__(
        self,
        database: Database,
        door: Door,
        accounts: Accounts,
        clock: Clock,
        errands: Sequence[Errand[Any]] = (),
        random: Callable[[], float] = _random.random,
    ) -> None:
        """``database`` is fenced (`rekindle.engines.database.lease.Fenced`) where several processes could ask."""
        self._database = database
        self._door = door
        self._accounts = accounts
        self._clock = clock
        self._random = random
        self._errands = list(errands)
        self._looked: dict[str, int] = {}
        self._budgets: dict[tuple[str, str], Budget] = {}

    async def step(self) -> int:
        """Run the errands that have something due; return how much came to an end."""
        now = self._clock()
        turn = [one for one in self._errands if not 0 <= now - self._looked.get(one.name, -one.pause_ms) < one.pause_ms]
        for errand in turn:
            self._looked[errand.name] = now
        return await self._all(turn)

    async def run(self, errand: Errand[Any]) -> int:
        """Run one errand now, once: for a command that does not wait for the worker."""
        return await self._all([errand])

    async def _all(self, errands: Sequence[Errand[Any]]) -> int:
        now = self._clock()
        found: dict[tuple[str, str], list[tuple[Errand[Any], Any]]] = {}
        for errand in errands:
            for due in await errand.due(now, _AT_ONCE):
                found.setdefault((due.workspace, due.destination), []).append((errand, due))
        # A slow platform delays what is asked of it, and nobody else.
        ended = await asyncio.gather(*map(self._of_one_account, found.values()), return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return sum(each for each in ended if isinstance(each, int))

    async def _of_one_account(self, found: Sequence[tuple[Errand[Any], Any]]) -> int:
        done, fault = 0, None
        for errand, due in found:
            try:
                done += await self._one(errand, due)
            except Exception as error:  # noqa: BLE001 - raised below, when the others had their turn
                fault = error
                _asked.labels(errand.name, "fault").inc()
                # What cannot be asked must not come first again and again.
                await errand.postpone(due, self._clock() + _FAULT_MS, type(error).__name__)
        if fault is not None:
            raise fault
        return done

    async def _one(self, errand: Errand[D_], due: D_) -> int:
        try:
            opened = await asyncio.to_thread(self._accounts.open, due.workspace, due.destination)
        except AccountUnusable as error:
            _asked.labels(errand.name, "unusable").inc()
            return await errand.postpone(due, 0, str(error))
        budget = self._budget(due, opened)
        shut = await budget.shut(opened.mark)
        if shut is not None:
            _asked.labels(errand.name, shut.why).inc()
            return await errand.postpone(due, shut.until_ms, shut.words)
        done = await errand.run(due, Line(opened, due.destination, due.workspace, self._door, budget))
        _asked.labels(errand.name, "asked").inc()
        return done

    def _budget(self, due: Due, opened: Opened) -> Budget:
        key = (due.workspace, due.destination)
        if key not in self._budgets:
            self._budgets[key] = Budget(self._database, *key, self._clock, self._random)
        self._budgets[key].allow(opened.per_second)
        return self._budgets[key]
