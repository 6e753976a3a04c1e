"""A lane: one destination account reading the log at its own pace, so that a platform that is down slows nobody else."""

from __future__ import annotations

import asyncio
import random as _random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from rekindle.egress import _pace
from rekindle.egress._flow import Flight, Flow
from rekindle.egress._prepare import ConsentFacts, Opener, Preparer, Ready, batches, fingerprint
from rekindle.egress._store import LaneState, Result, Store, Waiting
from rekindle.egress.connector import Connector, ConnectorModule, OutRequest, SettingsError, Verdict
from rekindle.egress.options import configurator, take_apart
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Consumer, Entry, Log, owned
from rekindle.engines.secrets import SecretMissing
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
_AT_ONCE: Final = 50
_IN_MEMORY: Final = 4_000
"""Events one step may hold, unless a single batch is larger."""
_ENOUGH_TRIES: Final = 8
_LOOK_AT_SECRETS_MS: Final = 30_000


def consumer_name(workspace: str, destination: str) -> str:
    """Return the name of a lane's cursor in the log."""
    return f"lane/{workspace}/{destination}"


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
        self._rationed = bool(parts.options.per_second or self._limits.per_second)
        self._flow = Flow(
            parts.options.concurrency or self._limits.concurrency,
            parts.options.per_second or self._limits.per_second,
            clock,
        )
        self._secret_names = parts.secrets
        self._secret = secret
        self._classify = module.classify
        self._configure = configurator(module, parts)
        self._preparer = Preparer(
            name, destination, policy, parts.options, self._limits, consents, vault, feed_ids, vendors
        )  # fmt: skip
        self._consents = consents
        self._log = log
        self._door = door
        self._store = Store(database, workspace, name)
        self._clock = clock
        self._random = random
        self._consumer: Consumer | None = None
        self._state: LaneState | None = None
        self._connector: Connector | None = None
        self._fingerprint = ""
        self._looked_ms = -_LOOK_AT_SECRETS_MS
        self.unreadable = 0
        """Records of the log that no reader of this version understands; they are passed over and stay in the log."""

    async def step(self) -> int:
        """Do what there is to do now; return how many records and retries were dealt with (0: nothing, or not yet)."""
        # Before anything can be wrong with the account: an unregistered cursor would not keep the log from being cut.
        await self._cursor()
        state = await self._load()
        now = self._clock()
        await self._look_at_secrets(state, now)
        state = await self._load()
        if self._connector is None or now < state.next_ms or not self._flow.at_once():
            return 0
        if state.state in ("open", "held"):
            return await self._read_log(1) or await self._retry(await self._store.probe(owned(await self._cursor())))
        if state.state == "throttled":
            await self._keep(msgspec.structs.replace(state, state="running", since_ms=now, next_ms=0))
        done = await self._retry(await self._store.due(now, self._most(self._connector.batch)))
        if self._stopped() or not self._flow.at_once():
            return done
        return done + await self._read_log(self._most(self._connector.batch))

    def _most(self, batch: int) -> int:
        """Return how many events to take up: those of the requests that may go at once."""
        wanted = min(batch * self._flow.at_once(), max(batch, _IN_MEMORY))
        # Small batches share one look at the log, but not where requests are rationed.
        return wanted if self._rationed else max(wanted, _AT_ONCE)

    async def close(self) -> None:
        """Give up the cursor; what was not finished is read again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    async def _cursor(self) -> Consumer:
        if self._consumer is None:
            self._consumer = await self._log.consumer(consumer_name(self.workspace, self.name))
        return self._consumer

    async def _load(self) -> LaneState:
        if self._state is None:
            self._state = await self._store.state()
        return self._state

    async def _keep(self, state: LaneState) -> None:
        before = await self._load()
        if state != before:
            await self._store.save(state)
            self._state = state
            if before.state in ("open", "held") and state.state == "running":
                await self._store.release(self._clock())

    def _stopped(self) -> bool:
        return self._state is not None and self._state.state != "running"

    async def _look_at_secrets(self, state: LaneState, now: int) -> None:
        """Configure the account, and again when a secret changed: then a held lane tries at once."""
        if now - self._looked_ms < _LOOK_AT_SECRETS_MS and (self._connector is not None or now < state.next_ms):
            return
        self._looked_ms = now
        try:
            values = await asyncio.to_thread(self._secrets)
            mark = fingerprint(values)
            if self._connector is None or mark != self._fingerprint:
                self._connector = self._configure(values)
                self._fingerprint = mark
        except (SettingsError, SecretMissing) as error:
            self._connector = None
            await self._keep(_pace.held(state, now, str(error), state.fingerprint))
            return
        if state.state == "held" and state.fingerprint != mark:
            # No longer held for what was wrong with the old secret: whatever comes now is told of the new one.
            words = "a new secret is being tried"
            await self._keep(
                msgspec.structs.replace(
                    state, state="open", words=words, since_ms=now, next_ms=0, failures=0, fingerprint=mark
                )
            )

    def _secrets(self) -> Mapping[str, str]:
        return {key: self._secret(name) for key, name in self._secret_names.items()}

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
        if not events or self._connector is None:
            return
        await self._consents.refresh()
        ready, ended = await asyncio.to_thread(self._prepare, events, self._connector, self._clock())
        await self._store.record(ended, self._clock())
        parts = deque(batches(ready, self._connector.batch))
        budget = _SPLITS
        flying: dict[asyncio.Task[Verdict], _Sent] = {}
        try:
            while parts or flying:
                while parts and len(flying) < self._flow.limit:
                    part = parts.popleft()
                    if budget <= 0 or self._paused(await self._load()):
                        # What no request could be spared for comes back in smaller batches.
                        await self._postpone(part, tries=int(budget <= 0))
                        continue
                    budget -= 1
                    if (sent := await self._build(part, self._connector, parts)) is not None:
                        flying[asyncio.create_task(self._send(sent, self._connector))] = sent
                if flying:
                    done, _ = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                    # Answers are dealt with one by one: the lane's state has one writer.
                    for task in [task for task in flying if task in done]:
                        parts.extendleft(reversed(await self._land(flying.pop(task), task)))
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
            parts.extendleft(reversed(await self._part_unbuilt(part, type(error).__name__)))
            return None
        return _Sent(part, request, self._flow.begin())

    async def _send(self, sent: _Sent, connector: Connector) -> Verdict:
        def took(ms: int) -> None:
            sent.flight.took_ms = ms

        permits = [one.permit for one in sent.part]
        return await self._door.send(
            self.name, self.workspace, connector, self._limits, sent.request, permits, self._classify, took
        )

    async def _land(self, sent: _Sent, task: asyncio.Task[Verdict]) -> list[list[Ready]]:
        """Record what became of a batch; return the parts that must go again at once."""
        self._flow.end()
        try:
            verdict = task.result()
        except PermitRefused:
            # It took too long to get here: decide again with the newest consent.
            await self._postpone(sent.part)
            return []
        return await self._settle(sent.part, verdict, sent.flight)

    async def _abandon(self, flying: Mapping[asyncio.Task[Verdict], _Sent], *, settle: bool) -> None:
        """Leave no request behind: after a fault, keep what the others came to; when this task has to end, stop them."""
        if not settle:
            for task in flying:
                task.cancel()
        ended = await asyncio.gather(*flying, return_exceptions=True)
        for sent, verdict in zip(flying.values(), ended, strict=True):
            self._flow.end()
            if settle and isinstance(verdict, Verdict):
                await self._settle(sent.part, verdict, sent.flight)

    async def _part_unbuilt(self, part: list[Ready], words: str) -> list[list[Ready]]:
        if len(part) > 1:
            return [part[: len(part) // 2], part[len(part) // 2 :]]
        one = part[0]
        result = Result(
            one.waiting, Outcome.INVALID, "mapping-failed", words, attempts=one.waiting.attempts, item_ids=one.item_ids
        )
        await self._store.record([result], self._clock())
        return []

    async def _settle(self, part: list[Ready], verdict: Verdict, flight: Flight) -> list[list[Ready]]:
        now, state = self._clock(), await self._load()
        kind = _pace.kind(verdict)
        throttled, stopped = kind == "throttled", kind == "held"
        floor = verdict.retry.after_ms if verdict.retry else 0
        late = self._flow.late(flight)
        after = _pace.judged(state, verdict, now, self._fingerprint, self._random, late=late)
        if kind == "answered":
            self._flow.well(flight)
        else:
            self._flow.badly(flight, throttled=throttled)
        results: list[Result] = []
        rest: list[Ready] = []
        for one, disposition in zip(part, verdict.per_event, strict=True):
            waiting = one.waiting
            attempts = waiting.attempts + (not throttled and not stopped)
            outcome, reason, next_ms = Outcome.WAITING, "", 0
            if disposition in ("delivered", "accepted"):
                outcome, reason = Outcome(disposition), Reason.OK
                attempts = waiting.attempts + 1
            elif stopped:
                outcome, reason, next_ms = Outcome.HELD, Reason.CREDENTIALS, after.next_ms
            elif disposition == "split" and len(part) > 1:
                rest.append(one)
                continue
            elif disposition in ("split", "permanent"):
                outcome, reason = Outcome.DEAD, Reason.PLATFORM_REFUSED
            elif throttled:
                reason, next_ms = "throttled", after.next_ms
            elif attempts >= _ENOUGH_TRIES and state.succeeded_ms > (waiting.first_ms or now):
                # Others got through since: it is this event, not the platform.
                outcome, reason = Outcome.DEAD, Reason.RETRIES_SPENT
            else:
                reason, next_ms = "no-answer", now + _pace.backoff_ms(attempts, floor, self._random)
            results.append(
                Result(waiting, outcome, reason, verdict.words, verdict.trace, attempts, next_ms, one.item_ids)
            )
        await self._store.record(results, now)
        await self._keep(after)
        if len(rest) == len(part) > 1:
            middle = len(rest) // 2
            return [rest[:middle], rest[middle:]]
        return [rest] if rest else []

    async def _postpone(self, part: Sequence[Ready], tries: int = 0) -> None:
        """Put events that were not sent into the retries, with ``tries`` more than before."""
        now, state = self._clock(), await self._load()
        held = state.state == "held"
        outcome, reason = (Outcome.HELD, Reason.CREDENTIALS) if held else (Outcome.WAITING, "lane-paused")
        results = [
            Result(
                one.waiting,
                outcome,
                reason,
                attempts=one.waiting.attempts + tries,
                next_ms=max(now, state.next_ms),
                item_ids=one.item_ids,
            )
            for one in part
        ]
        await self._store.record(results, now)
