"""A lane: one destination account reading the log at its own pace, so that a platform that is down slows nobody else."""

from __future__ import annotations

import asyncio
import random as _random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from rekindle.egress import _pace, _tickets
from rekindle.egress._ending import Judge, parted
from rekindle.egress._flow import Flight, Flow
from rekindle.egress._prepare import ConsentFacts, Opener, Preparer, Ready, batches
from rekindle.egress._quota import Quota
from rekindle.egress._standing import Standing, consumer_name
from rekindle.egress._store import LaneState, Result, Store, Waiting
from rekindle.egress._tickets import Ticket
from rekindle.egress.connector import Connector, ConnectorModule, OutRequest, Verdict
from rekindle.egress.options import configurator, take_apart
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Consumer, Entry, Log, owned
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.ports import FeedIds
from rekindle.model.record import Stored, decode
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT
from rekindle.privacy.permit import PermitRefused
from rekindle.workspace import Destination, Policy

_SPLITS: Final = 64
"""Requests one step may spend on parting refused batches; what is left then goes through the retries, in small parts."""
_AT_ONCE: Final = 200
_IN_MEMORY: Final = 4_000
"""Events one step may hold, unless a single batch is larger."""


class _Sent(msgspec.Struct):
    part: list[Ready]
    request: OutRequest
    flight: Flight


class Lane:
    """One destination account of one workspace.

    Every event of the workspace comes to exactly one outcome here, and its row is durable before the cursor moves on.
    A record that is read twice (after a crash) is counted once; a platform may then see it twice and knows it by its id.
    """

    def __init__(
        self,
        *,
        workspace: str,
        name: str,
        destination: Destination,
        policy: Policy,
        module: ConnectorModule,
        secret: Callable[[str], str],
        log: Log,
        database: Database,
        door: Door,
        consents: ConsentFacts,
        vault: Opener,
        feed_ids: FeedIds | None,
        clock: Clock,
        vendors: Vendors = EXCERPT,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """``secret`` returns a secret's newest value by name. Raises `SettingsError` for settings nobody can use."""
        self.workspace = workspace
        self.name = name
        parts = take_apart(module.manifest, destination.settings)
        self._limits = module.manifest.limits
        rate = parts.options.per_second or self._limits.per_second
        self._quota = Quota(database, workspace, name, rate, clock) if rate else None
        self._flow = Flow(parts.options.concurrency or self._limits.concurrency, rationed=bool(rate))
        self._classify = module.classify
        self._preparer = Preparer(
            name, destination, policy, parts.options, self._limits, consents, vault, feed_ids, vendors
        )  # fmt: skip
        self._consents = consents
        self._log = log
        self._door = door
        self._store = Store(database, workspace, name)
        self._standing: Standing[Connector] = Standing(
            workspace, name, store=self._store, secret_names=parts.secrets, secret=secret,
            configure=configurator(module, parts), release=self._store.release, clock=clock,
        )  # fmt: skip
        self._clock = clock
        self._random = random
        self._consumer: Consumer | None = None
        self.unreadable = 0
        """Records of the log that no reader of this version understands; they are passed over and stay in the log."""

    async def step(self) -> int:
        """Do what there is to do now; return how many records and retries were dealt with (0: nothing, or not yet)."""
        # Before anything can be wrong with the account: an unregistered cursor would not keep the log from being cut.
        await self._cursor()
        now = self._clock()
        state = await self._standing.look(now)
        connector = self._standing.connector
        if connector is None or now < state.next_ms or not await self._leave():
            return 0
        if state.state in ("open", "held"):
            return await self._read_log(1) or await self._retry(await self._store.probe(owned(await self._cursor())))
        done = await self._retry(await self._store.due(now, self._most(connector.batch)))
        if (await self._standing.state()).state != "running" or not await self._leave():
            return done
        return done + await self._read_log(self._most(connector.batch))

    async def _leave(self) -> int:
        """Return how many requests may be begun now; asks for more leave when there is none."""
        if self._quota is not None and not self._flow.at_once():
            self._flow.allow(await self._quota.take(self._flow.lacking))
        return self._flow.at_once()

    def _most(self, batch: int) -> int:
        """Return how many events to take up: those of the requests that may go at once."""
        wanted = min(batch * self._flow.at_once(), max(batch, _IN_MEMORY))
        # Small batches share one look at the log, but not where requests are rationed.
        return wanted if self._quota else max(wanted, _AT_ONCE)

    async def close(self) -> None:
        """Give up the cursor; what was not finished is read again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    async def _cursor(self) -> Consumer:
        if self._consumer is None:
            self._consumer = await self._log.consumer(consumer_name(self.workspace, self.name))
        return self._consumer

    async def _read_log(self, limit: int) -> int:
        consumer = await self._cursor()
        entries = await consumer.poll(limit)
        if not entries:
            return 0
        try:
            await self._process(await self._new(entries))
            last = {entry.partition: entry for entry in entries}
            for entry in last.values():
                await consumer.commit(entry)
        except BaseException:
            # What has an outcome keeps it; the rest is read again.
            await consumer.rewind()
            raise
        return len(entries)

    async def _new(self, entries: Sequence[Entry]) -> list[Waiting]:
        """Return this workspace's events that have no outcome here yet, each id once."""
        found: dict[str, Waiting] = {}
        for entry in entries:
            try:
                record = decode(entry.value)
            except msgspec.MsgspecError:
                self.unreadable += 1
                continue
            if isinstance(record, Stored) and record.workspace == self.workspace:
                found.setdefault(record.event_id, Waiting(record, entry.value, entry.partition, entry.offset))
        known = await self._store.known(list(found)) if found else set()
        return [waiting for name, waiting in found.items() if name not in known]

    async def _retry(self, due: Sequence[Waiting]) -> int:
        await self._process(due)
        return len(due)

    async def _process(self, events: Sequence[Waiting]) -> None:
        connector = self._standing.connector
        if not events or connector is None:
            return
        await self._consents.refresh()
        ready, ended = await asyncio.to_thread(self._prepare, events, connector, self._clock())
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

    def _prepare(self, events: Sequence[Waiting], connector: Connector, now: int) -> tuple[list[Ready], list[Result]]:
        ready: list[Ready] = []
        ended: list[Result] = []
        suppressed = self._preparer.suppressed(events)
        for waiting in events:
            found = self._preparer.prepare(waiting, connector, now, suppressed)
            if isinstance(found, Ready):
                ready.append(found)
            else:
                ended.append(found)
        return ready, ended

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
            self.name, self.workspace, connector, self._limits, sent.request, permits, self._classify, took
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
                self._standing.connector, self.workspace, self.name, _tickets.EVENTS, sent.request, verdict, now,
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


__all__ = ["Lane", "consumer_name"]
