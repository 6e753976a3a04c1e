"""An audience's lane: differences of one audience to one platform, decided again at the moment they leave.

The audience says who came and who left. The log says by which identifiers the platform can know them; they stay sealed
with the person's own key. Whoever withdrew consent leaves the audience and so the platform; whoever withdrew between
joining and sending is not sent. Everything that is to be done stands in the database: a crash repeats a request at
most, and adding or removing twice is the same as once.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from rekindle.egress._members import Members
from rekindle.egress._people import AudienceChange, People
from rekindle.egress._place import Place
from rekindle.egress._prepare import ConsentFacts, Opener
from rekindle.egress._quota import Quota, Turn
from rekindle.egress._replacements import Replacements
from rekindle.egress._replacing import Replacing
from rekindle.egress._standing import Standing, consumer_name
from rekindle.egress._store import Store
from rekindle.egress._telling import Telling
from rekindle.egress.audience import AudienceConnector, AudienceModule
from rekindle.egress.connector import SettingsError
from rekindle.egress.options import take_apart
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Entry, Log
from rekindle.model.clock import Clock
from rekindle.model.names import PLAIN, Names
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT
from rekindle.workspace import Destination, Policy, duration_ms

_READ: Final = 500
_HOUR_MS: Final = 3_600_000


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
        parts = take_apart(module.manifest, destination.settings)
        limits = module.manifest.limits
        rate = parts.options.per_second or limits.per_second
        self._turn = Turn(Quota(database, workspace, name, rate, clock) if rate else None)
        self._place = Place(log, consumer_name(workspace, name))
        self._changes = changes
        self._lease = lease
        self._clock = clock
        self.people = People(database, workspace, name, names)
        self._standing: Standing[AudienceConnector] = Standing(
            workspace, name, store=Store(database, workspace, name), secret_names=parts.secrets, secret=secret,
            configure=partial(module.configure, parts.settings), release=self.people.release, clock=clock,
        )  # fmt: skip
        self._telling = Telling(
            workspace, name, limits, module.classify, self._members, self.people, self._standing, self._turn, door,
            consents, clock, random,
        )  # fmt: skip
        self._first_replaces = parts.options.first_sync == "replace"
        self._replacing = Replacing(
            Replacements(database, workspace, name), self.people, self._telling.prepare, self._standing,
            self._telling.request, clock, random,
        )  # fmt: skip
        self._tidied_ms = 0

    async def step(self) -> int:
        """Do what there is to do now; return how much was read or told (0: nothing, not yet, or another worker's)."""
        if not await asyncio.to_thread(self._lease.held):
            await self.close()
            return 0
        now = self._clock()
        await self._tidy(now)
        done = await self._place.read(_READ, self._know) + await self._read_changes(now)
        state = await self._standing.look(now)
        connector = self._standing.connector
        if connector is None or now < state.next_ms or not await self._turn.may():
            return done
        replaced = await self._replacing.step(connector, caught_up=done == 0)
        if replaced is not None:
            return done + replaced
        if state.state in ("open", "held"):
            return done + await self._telling.tell(await self.people.probe(), connector)
        return done + await self._telling.tell(await self.people.due(now, connector.batch), connector)

    async def close(self) -> None:
        """Give up the place in the log; what was not finished is read again."""
        await self._place.give_up()
        self._standing.forget()

    async def _tidy(self, now: int) -> None:
        if now - self._tidied_ms >= _HOUR_MS:
            self._tidied_ms = now
            await self.people.forget(now - self._keep_ms)

    async def _know(self, entries: Sequence[Entry]) -> None:
        """Keep the newest identifiers of everybody, as membership may come later; decide again about who may have chosen."""
        now, values = self._clock(), [entry.value for entry in entries]
        seals = await asyncio.to_thread(self._members.seals, values)
        if seals:
            await self.people.know(seals, now)
        await self.people.reconsider(self._members.subjects(values), now)

    async def _read_changes(self, now: int) -> int:
        after = await self.people.cursor()
        changes = await asyncio.to_thread(self._changes, self.workspace, self._audience, _READ, after)
        if changes:
            if after == 0 and self._first_replaces:
                await self._replacing.first()
            await self.people.take(changes, now)
        return len(changes)


__all__ = ["AudienceChange", "AudienceLane", "Changes", "Holder"]
