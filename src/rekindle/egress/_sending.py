"""The requests of one step of a lane: built, sent side by side, and every event's outcome written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from rekindle.egress import _pace, _tickets
from rekindle.egress._ending import Judge, parted
from rekindle.egress._flow import Flight, Flow
from rekindle.egress._prepare import Preparer, Ready, batches
from rekindle.egress._standing import Standing
from rekindle.egress._store import LaneState, Result, Store, Waiting
from rekindle.egress._tickets import Ticket
from rekindle.egress.connector import Answer, Connector, Limits, OutRequest, Verdict
from rekindle.egress.send import Door
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.privacy.permit import PermitRefused

_SPLITS: Final = 64
"""Requests one step may spend on parting refused batches; what is left then goes through the retries, in small parts."""


class _Sent(msgspec.Struct):
    part: list[Ready]
    request: OutRequest
    flight: Flight


class Sending:
    """What is on its way for one account. Holds nothing after `send` returned."""

    def __init__(
        self,
        workspace: str,
        name: str,
        limits: Limits,
        classify: Callable[[Answer, int], Verdict],
        preparer: Preparer,
        store: Store,
        standing: Standing[Connector],
        flow: Flow,
        door: Door,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._limits = limits
        self._classify = classify
        self._preparer = preparer
        self._store = store
        self._standing = standing
        self._flow = flow
        self._door = door
        self._clock = clock
        self._random = random

    async def send(self, events: Sequence[Waiting], connector: Connector) -> None:
        """Bring events to their outcomes, or into the retries. The consents must be those of now.

        Raises what the ledger or the database raises; what the others came to is kept.
        """
        ready, ended = await asyncio.to_thread(self._preparer.all, events, connector, self._clock())
        await self._store.record(ended, self._clock())
        parts = deque(batches(ready, connector.batch))
        budget = len(parts) + _SPLITS
        flying: dict[asyncio.Task[Verdict], _Sent] = {}
        try:
            while parts or flying:
                while parts and len(flying) < self._flow.limit:
                    part = parts.popleft()
                    if budget <= 0 or self._paused(await self._standing.state()):
                        # What no request could be spared for comes back in smaller batches.
                        await self._postpone(part, tries=int(budget <= 0))
                        continue
                    budget -= 1
                    if (sent := await self._build(part, connector, parts)) is not None:
                        flying[asyncio.create_task(self._send(sent, connector))] = sent
                if flying:
                    done, _ = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                    landed = [(flying.pop(task), task) for task in list(flying) if task in done]
                    parts.extendleft(reversed(await self._land(landed)))
        except BaseException as error:
            await self._abandon(flying, settle=isinstance(error, Exception))
            raise

    def _paused(self, state: LaneState) -> bool:
        """Say whether this step may send no more: the last answer closed the lane until ``next_ms``."""
        return state.state != "running" and self._clock() < state.next_ms

    async def _build(self, part: list[Ready], connector: Connector, parts: deque[list[Ready]]) -> _Sent | None:
        """Return the request of one batch; a batch that cannot be built goes back into ``parts``, parted."""
        try:
            request = connector.build([one.mapped for one in part], self._clock())
        except Exception as error:  # noqa: BLE001 - such as text that is no Unicode; find the event that does it
            if len(part) > 1:
                parts.extendleft(reversed(parted(part, part)))
            else:
                refused = _result(part[0], Outcome.INVALID, "mapping-failed", type(error).__name__)
                await self._store.record([refused], self._clock())
            return None
        return _Sent(part, request, self._flow.begin())

    async def _send(self, sent: _Sent, connector: Connector) -> Verdict:
        def took(ms: int) -> None:
            sent.flight.took_ms = ms

        permits = [one.permit for one in sent.part]
        return await self._door.send(
            self._name, self._workspace, connector, self._limits, sent.request, permits, self._classify, took
        )

    async def _land(self, landed: Sequence[tuple[_Sent, asyncio.Task[Verdict]]]) -> list[list[Ready]]:
        """Record what became of batches, all in one go; return the parts that must go again at once.

        Of several that are here, one fault does not cost what the others came to.
        """
        verdicts: list[tuple[_Sent, Verdict]] = []
        fault: BaseException | None = None
        for sent, task in landed:
            self._flow.end()
            try:
                verdicts.append((sent, task.result()))
            except PermitRefused:
                # It took too long to get here: decide again with the newest consent.
                await self._postpone(sent.part)
            except BaseException as error:  # noqa: BLE001 - raised below
                fault = error
        again = await self._settle(verdicts)
        if fault is not None:
            raise fault
        return again

    async def _abandon(self, flying: Mapping[asyncio.Task[Verdict], _Sent], *, settle: bool) -> None:
        """Leave no request behind: after a fault, keep what the others came to; when this task has to end, stop them."""
        if not settle:
            for task in flying:
                task.cancel()
        ended = await asyncio.gather(*flying, return_exceptions=True)
        for _ in flying:
            self._flow.end()
        if settle:
            together = zip(flying.values(), ended, strict=True)
            await self._settle([(sent, verdict) for sent, verdict in together if isinstance(verdict, Verdict)])

    async def _settle(self, landed: Sequence[tuple[_Sent, Verdict]]) -> list[list[Ready]]:
        now, state = self._clock(), await self._standing.state()
        results: list[Result] = []
        tickets: list[Ticket] = []
        again: list[list[Ready]] = []
        for sent, verdict in landed:
            kind = _pace.kind(verdict)
            late = self._flow.late(sent.flight)
            before = state
            state = _pace.judged(state, verdict, now, self._standing.fingerprint, self._random, late=late)
            if kind == "answered":
                self._flow.well(sent.flight)
            else:
                self._flow.badly(sent.flight, throttled=kind == "throttled")
            judge = Judge(verdict, state, now, self._random)
            ticket = _tickets.opened(
                self._standing.connector, self._workspace, self._name, _tickets.EVENTS, sent.request, verdict, now,
                self._random,
            )  # fmt: skip
            if ticket is not None:
                tickets.append(ticket)
            rest: list[Ready] = []
            for one, said in zip(sent.part, verdict.per_event, strict=True):
                # Others got through since it came: then it is this event, not the platform.
                others = before.succeeded_ms > (one.waiting.first_ms or now)
                alone = len(sent.part) == 1
                ending = judge(said, one.waiting.attempts, alone=alone, others_passed=others, ticket=ticket)
                if ending is None:
                    rest.append(one)
                else:
                    outcome, reason, tries, next_ms, named = ending
                    results.append(
                        _result(one, outcome, reason, verdict.words, verdict.trace, tries, next_ms or 0, named)
                    )
            again += parted(rest, sent.part)
        await self._store.record(results, now, tickets)
        await self._standing.keep(state)
        return again

    async def _postpone(self, part: Sequence[Ready], tries: int = 0) -> None:
        """Put events that were not sent into the retries, with ``tries`` more than before."""
        now, state = self._clock(), await self._standing.state()
        held = state.state == "held"
        outcome, reason = (Outcome.HELD, Reason.CREDENTIALS) if held else (Outcome.WAITING, "lane-paused")
        due = max(now, state.next_ms)
        results = [_result(one, outcome, reason, attempts=one.waiting.attempts + tries, next_ms=due) for one in part]
        await self._store.record(results, now)


def _result(
    one: Ready, outcome: Outcome, reason: str, detail: str = "", trace: str = "", attempts: int | None = None,
    next_ms: int = 0, ticket: str = "",
) -> Result:  # fmt: skip
    tries = one.waiting.attempts if attempts is None else attempts
    return Result(one.waiting, outcome, reason, detail, trace, tries, next_ms, one.item_ids, ticket)
