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
from functools import partial
from typing import Final, Protocol

import msgspec

from rekindle.egress import _pace, _tickets
from rekindle.egress._ending import Judge, parted
from rekindle.egress._members import Members, Ready
from rekindle.egress._people import AudienceChange, People, Person, Told
from rekindle.egress._prepare import ConsentFacts, Opener
from rekindle.egress._replacements import Replacements
from rekindle.egress._replacing import Replacing
from rekindle.egress._standing import Standing, consumer_name
from rekindle.egress._store import Store
from rekindle.egress._tickets import Ticket
from rekindle.egress.audience import AudienceConnector, AudienceModule
from rekindle.egress.connector import Disposition, OutRequest, SettingsError, Verdict
from rekindle.egress.options import take_apart
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Consumer, Log
from rekindle.model.clock import Clock
from rekindle.model.names import PLAIN, Names
from rekindle.model.outcome import Outcome
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT
from rekindle.privacy.permit import Permit, PermitRefused
from rekindle.workspace import Destination, Policy, duration_ms

_READ: Final = 500
_SPLITS: Final = 64
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
        names: Names = PLAIN,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """Refuse, with `SettingsError`, settings nobody can use and a destination that names no audience."""
        if destination.audience is None:
            raise SettingsError(f"{name}: audience is missing: the audience whose members this platform shall have")
        self.workspace = workspace
        self.name = name
        self._audience = destination.audience
        self._members = Members(
            name, workspace, destination, policy, module.manifest.fields, consents, vault, vendors, names
        )
        self._keep_ms = duration_ms(policy.keep_events)
        self._classify = module.classify
        parts = take_apart(module.manifest, destination.settings)
        self._limits = module.manifest.limits
        self._per_second = parts.options.per_second or self._limits.per_second
        self._log = log
        self._door = door
        self._consents = consents
        self._changes = changes
        self._lease = lease
        self._clock = clock
        self._random = random
        self.people = People(database, workspace, name, names)
        self._standing: Standing[AudienceConnector] = Standing(
            workspace, name, store=Store(database, workspace, name), secret_names=parts.secrets, secret=secret,
            configure=partial(module.configure, parts.settings), release=self.people.release, clock=clock,
        )  # fmt: skip
        self._first_replaces = parts.options.first_sync == "replace"
        self._replacing = Replacing(
            Replacements(database, workspace, name), self.people, self._prepare, self._standing, self._leave, clock,
            random,
        )  # fmt: skip
        self._consumer: Consumer | None = None
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
        state = await self._standing.look(now)
        connector = self._standing.connector
        if connector is None or now < max(state.next_ms, self._not_before_ms):
            return done
        replaced = await self._replacing.step(connector, caught_up=done == 0)
        if replaced is not None:
            return done + replaced
        if state.state in ("open", "held"):
            return done + await self._tell(await self.people.probe(), connector)
        return done + await self._tell(await self.people.due(now, connector.batch), connector)

    async def close(self) -> None:
        """Give up the place in the log; what was not finished is read again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None
        self._standing.forget()

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
            if after == 0 and self._first_replaces:
                await self._replacing.first()
            await self.people.take(changes, now)
        return len(changes)

    async def _leave(self, request: OutRequest, permits: Sequence[Permit]) -> Verdict:
        connector = self._standing.connector
        assert connector is not None
        if self._per_second:
            self._not_before_ms = max(self._not_before_ms, self._clock()) + int(1000 / self._per_second)
        return await self._door.send(
            self.name, self.workspace, connector, self._limits, request, permits, self._classify
        )

    async def _prepare(self, due: Sequence[Person]) -> Sequence[Ready | Told]:
        connector = self._standing.connector
        assert connector is not None
        await self._consents.refresh()
        return await asyncio.to_thread(self._members.prepare, due, connector, self._clock())

    async def _tell(self, due: Sequence[Person], connector: AudienceConnector) -> int:
        if not due:
            return 0
        prepared = await self._prepare(due)
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
            state = await self._standing.state()
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
        tickets: dict[str, Ticket] = {}
        worst: Verdict | None = None
        try:
            for request in connector.build(part[0].operation, [each.mapped for each in part], now):
                verdict = await self._leave(request, [permits[name] for name in request.event_ids])
                ticket = _tickets.opened(
                    connector, self.workspace, self.name, part[0].operation, request, verdict, self._clock(),
                    self._random,
                )  # fmt: skip
                for name, one in zip(request.event_ids, verdict.per_event, strict=True):
                    told[name] = min(told.get(name, one), one, key=_WORST.index)
                    if ticket is not None and one == "accepted":
                        tickets[name] = ticket
                if worst is None or _gravity(verdict) < _gravity(worst):
                    worst = verdict
        except PermitRefused:
            return []  # too slow: they stay due and are decided again
        if worst is None:
            await self._refuse(part)
            return []
        return await self._settle(part, told, worst, tickets)

    async def _refuse(self, part: Sequence[Ready]) -> None:
        results = [
            Told(each.person.subject, each.person.sent, Outcome.INVALID, "mapping-failed", "no request was built")
            for each in part
        ]
        await self.people.record(results, self._clock())

    async def _settle(
        self, part: list[Ready], told: Mapping[str, Disposition], worst: Verdict, tickets: Mapping[str, Ticket]
    ) -> list[list[Ready]]:
        now, before = self._clock(), await self._standing.state()
        said = [told.get(each.permit.event_id, "retry") for each in part]
        verdict = msgspec.structs.replace(worst, per_event=tuple(said))
        after = _pace.judged(before, verdict, now, self._standing.fingerprint, self._random, late=False)
        judge = Judge(verdict, after, now, self._random)
        others = before.succeeded_ms > now - _HOUR_MS
        results: list[Told] = []
        rest: list[Ready] = []
        for each, disposition in zip(part, said, strict=True):
            person = each.person
            ticket = tickets.get(each.permit.event_id)
            ending = judge(disposition, person.attempts, alone=len(part) == 1, others_passed=others, ticket=ticket)
            if ending is None:
                rest.append(each)
                continue
            # Removed because consent went, though still wanted: nothing more to do until the audience says so.
            there = each.operation == "add" if disposition in ("delivered", "accepted") else person.sent
            outcome, reason, tries, due, named = ending
            results.append(Told(person.subject, there, outcome, reason, verdict.words, tries, due, named))
        await self.people.record(results, now, list({each.id: each for each in tickets.values()}.values()))
        await self._standing.keep(after)
        return parted(rest, part)


def _gravity(verdict: Verdict) -> int:
    if verdict.credential_action is not None:
        return -1
    return min(_WORST.index(one) for one in verdict.per_event)


__all__ = ["AudienceChange", "AudienceLane", "Changes", "Holder"]
