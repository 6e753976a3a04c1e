"""An audience's lane: differences of one audience to one platform, decided again at the moment they leave.

The audience says who came and who left. The log says by which identifiers the platform can know them; they stay sealed
with the person's own key. Whoever withdrew consent leaves the audience and so the platform; whoever withdrew between
joining and sending is not sent. Everything that is to be done stands in the database: a crash repeats a request at
most, and adding or removing twice is the same as once.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from rekindle.egress import _pace
from rekindle.egress._members import Members, Ready
from rekindle.egress._people import AudienceChange, People, Person, Told
from rekindle.egress._prepare import ConsentFacts, Opener, fingerprint
from rekindle.egress._store import LaneState, Store
from rekindle.egress.audience import AudienceConnector, AudienceModule
from rekindle.egress.connector import Disposition, SettingsError, Verdict
from rekindle.egress.lane import consumer_name
from rekindle.egress.options import take_apart
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Consumer, Log
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT
from rekindle.privacy.permit import PermitRefused
from rekindle.workspace import Destination, Policy, duration_ms

_READ: Final = 500
_SPLITS: Final = 64
_ENOUGH_TRIES: Final = 8
_LOOK_AT_SECRETS_MS: Final = 30_000
_HOUR_MS: Final = 3_600_000
# The worst that one of a person's requests came to is what the person came to.
_WORST: Final[tuple[Disposition, ...]] = ("hold", "permanent", "split", "retry", "accepted", "delivered")


class Holder(Protocol):
    """A lease (`rekindle.engines.database.lease.Lease`): one worker at a time tells the platform."""

    def held(self) -> bool:
        """Say whether it is ours."""
        ...


Changes = Callable[[str, str, int, int], Sequence[AudienceChange]]
"""``(workspace, audience, limit, after)`` to the changes behind ``after``, in their order."""


class AudienceLane:
    """One audience at one platform."""

    def __init__(
        self,
        *,
        workspace: str,
        name: str,
        destination: Destination,
        policy: Policy,
        module: AudienceModule,
        secret: Callable[[str], str],
        log: Log,
        database: Database,
        door: Door,
        consents: ConsentFacts,
        vault: Opener,
        changes: Changes,
        lease: Holder,
        clock: Clock,
        vendors: Vendors = EXCERPT,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """Refuse, with `SettingsError`, settings nobody can use and a destination that names no audience."""
        if destination.audience is None:
            raise SettingsError(f"{name}: audience is missing: the audience whose members this platform shall have")
        self.workspace = workspace
        self.name = name
        self._audience = destination.audience
        self._members = Members(name, workspace, destination, policy, module.manifest.fields, consents, vault, vendors)
        self._keep_ms = duration_ms(policy.keep_events)
        self._module = module
        parts = take_apart(module.manifest, destination.settings)
        self._settings = parts.settings
        self._secret_names = parts.secrets
        self._secret = secret
        self._limits = module.manifest.limits
        self._per_second = parts.options.per_second or self._limits.per_second
        self._log = log
        self._door = door
        self._consents = consents
        self._changes = changes
        self._lease = lease
        self._clock = clock
        self._random = random
        self.people = People(database, workspace, name)
        self._store = Store(database, workspace, name)
        self._consumer: Consumer | None = None
        self._state: LaneState | None = None
        self._connector: AudienceConnector | None = None
        self._fingerprint = ""
        self._looked_ms = -_LOOK_AT_SECRETS_MS
        self._not_before_ms = 0
        self._tidied_ms = 0

    async def step(self) -> int:
        """Do what there is to do now; return how much was read or told (0: nothing, not yet, or another worker's)."""
        if not await asyncio.to_thread(self._lease.held):
            await self.close()
            return 0
        now = self._clock()
        await self._tidy(now)
        done = await self._read_log(now) + await self._read_changes(now)
        state = await self._look_at_secrets(now)
        if self._connector is None or now < max(state.next_ms, self._not_before_ms):
            return done
        if state.state in ("open", "held"):
            return done + await self._tell(await self.people.probe(), self._connector)
        return done + await self._tell(await self.people.due(now, self._connector.batch), self._connector)

    async def close(self) -> None:
        """Give up the place in the log; what was not finished is read again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None
        self._state = None

    async def _tidy(self, now: int) -> None:
        if now - self._tidied_ms >= _HOUR_MS:
            self._tidied_ms = now
            await self.people.forget(now - self._keep_ms)

    async def _read_log(self, now: int) -> int:
        """Keep the newest identifiers of everybody, as membership may come later; decide again about who may have chosen."""
        if self._consumer is None:
            self._consumer = await self._log.consumer(consumer_name(self.workspace, self.name))
        entries = await self._consumer.poll(_READ)
        if not entries:
            return 0
        try:
            values = [entry.value for entry in entries]
            seals = await asyncio.to_thread(self._members.seals, values)
            if seals:
                await self.people.know(seals, now)
            await self.people.reconsider(self._members.subjects(values), now)
            for entry in {entry.partition: entry for entry in entries}.values():
                await self._consumer.commit(entry)
        except BaseException:
            await self._consumer.rewind()
            raise
        return len(entries)

    async def _read_changes(self, now: int) -> int:
        after = await self.people.cursor()
        changes = await asyncio.to_thread(self._changes, self.workspace, self._audience, _READ, after)
        if changes:
            await self.people.take(changes, now)
        return len(changes)

    async def _look_at_secrets(self, now: int) -> LaneState:
        """Configure the account, and again when a secret changed: then a held lane tries at once."""
        state = await self._load()
        if now - self._looked_ms < _LOOK_AT_SECRETS_MS and (self._connector is not None or now < state.next_ms):
            return state
        self._looked_ms = now
        try:
            values = await asyncio.to_thread(self._secrets)
            mark = fingerprint(values)
            if self._connector is None or mark != self._fingerprint:
                self._connector = self._module.configure(self._settings, values)
                self._fingerprint = mark
        except (SettingsError, SecretMissing) as error:
            self._connector = None
            await self._keep(_pace.held(state, now, str(error), state.fingerprint))
            return await self._load()
        if state.state == "held" and state.fingerprint != mark:
            await self._keep(msgspec.structs.replace(state, next_ms=0, fingerprint=mark))
        elif state.state == "throttled" and now >= state.next_ms:
            await self._keep(msgspec.structs.replace(state, state="running", since_ms=now, next_ms=0))
        return await self._load()

    def _secrets(self) -> Mapping[str, str]:
        return {key: self._secret(name) for key, name in self._secret_names.items()}

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
                await self.people.release(self._clock())

    async def _tell(self, due: Sequence[Person], connector: AudienceConnector) -> int:
        if not due:
            return 0
        await self._consents.refresh()
        prepared = await asyncio.to_thread(self._members.prepare, due, connector, self._clock())
        await self.people.record([each for each in prepared if isinstance(each, Told)], self._clock())
        groups: dict[tuple[str, str, int], list[Ready]] = {}
        for each in prepared:
            if isinstance(each, Ready):
                groups.setdefault((each.operation, each.mapped.group, min(each.person.attempts, 5)), []).append(each)
        parts = deque(
            group[start : start + size]
            for (_operation, _group, tries), group in groups.items()
            for size in [max(1, connector.batch >> (2 * tries))]
            for start in range(0, len(group), size)
        )
        budget = _SPLITS
        while parts:
            part = parts.popleft()
            state = await self._load()
            if budget <= 0 or (state.state != "running" and self._clock() < state.next_ms):
                break  # they stay due
            budget -= 1
            parts.extendleft(reversed(await self._send(part, connector)))
        return len(due)

    async def _send(self, part: list[Ready], connector: AudienceConnector) -> list[list[Ready]]:
        """Send the requests of one batch and record what became of its people; return the parts that go again."""
        now = self._clock()
        permits = {each.permit.event_id: each.permit for each in part}
        told: dict[str, Disposition] = {}
        worst: Verdict | None = None
        try:
            for request in connector.build(part[0].operation, [each.mapped for each in part], now):
                if self._per_second:
                    self._not_before_ms = max(self._not_before_ms, now) + int(1000 / self._per_second)
                mine = [permits[name] for name in request.event_ids]
                verdict = await self._door.send(
                    self.name, self.workspace, connector, self._limits, request, mine, self._module.classify
                )
                for name, one in zip(request.event_ids, verdict.per_event, strict=True):
                    told[name] = min(told.get(name, one), one, key=_WORST.index)
                if worst is None or _gravity(verdict) < _gravity(worst):
                    worst = verdict
        except PermitRefused:
            return []  # too slow: they stay due and are decided again
        if worst is None:
            await self._refuse(part)
            return []
        return await self._settle(part, told, worst)

    async def _refuse(self, part: Sequence[Ready]) -> None:
        results = [
            Told(each.person.subject, each.person.sent, Outcome.INVALID, "mapping-failed", "no request was built")
            for each in part
        ]
        await self.people.record(results, self._clock())

    async def _settle(self, part: list[Ready], told: Mapping[str, Disposition], verdict: Verdict) -> list[list[Ready]]:
        now, state = self._clock(), await self._load()
        floor = verdict.retry.after_ms if verdict.retry else 0
        throttled = verdict.retry is not None and verdict.retry.throttled
        stopped = verdict.credential_action is not None or "hold" in told.values()
        if stopped:
            after = _pace.held(state, now, verdict.words, self._fingerprint)
        elif throttled:
            after = _pace.throttled(state, now, verdict.words, floor, self._random)
        elif set(told.values()) == {"retry"}:
            after = _pace.failed(state, now, verdict.words, floor, self._random)
        else:
            after = _pace.answered(state, now, delivered=bool({"delivered", "accepted"} & set(told.values())))
        results: list[Told] = []
        rest: list[Ready] = []
        for each in part:
            person, disposition = each.person, told.get(each.permit.event_id, "retry")
            tries = person.attempts + (not throttled and not stopped)
            there = each.operation == "add" if disposition in ("delivered", "accepted") else person.sent
            outcome, reason, due = Outcome.WAITING, "no-answer", now + _pace.backoff_ms(tries, floor, self._random)
            done: int | None = due
            if disposition in ("delivered", "accepted"):
                # Removed because consent went, though still wanted: nothing more to do until the audience says so.
                outcome, reason, done, tries = Outcome(disposition), Reason.OK, None, tries + 1
            elif stopped:
                outcome, reason, done = Outcome.HELD, Reason.CREDENTIALS, after.next_ms
            elif disposition == "split" and len(part) > 1:
                rest.append(each)
                continue
            elif disposition in ("split", "permanent"):
                outcome, reason, done = Outcome.DEAD, Reason.PLATFORM_REFUSED, None
            elif throttled:
                reason, done = "throttled", after.next_ms
            elif tries >= _ENOUGH_TRIES and state.succeeded_ms > now - _HOUR_MS:
                outcome, reason, done = Outcome.DEAD, Reason.RETRIES_SPENT, None
            results.append(Told(person.subject, there, outcome, reason, verdict.words, tries, done))
        await self.people.record(results, now)
        await self._keep(after)
        if len(rest) == len(part) > 1:
            middle = len(rest) // 2
            return [rest[:middle], rest[middle:]]
        return [rest] if rest else []


def _gravity(verdict: Verdict) -> int:
    if verdict.credential_action is not None:
        return -1
    return min(_WORST.index(one) for one in verdict.per_event)


__all__ = ["AudienceChange", "AudienceLane", "Changes", "Holder"]
