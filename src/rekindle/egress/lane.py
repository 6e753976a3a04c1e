"""A lane: one destination account reading the log at its own pace, so that a platform that is down slows nobody else."""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from rekindle.egress._flow import Flow
from rekindle.egress._place import Place
from rekindle.egress._prepare import ConsentFacts, Opener, Preparer
from rekindle.egress._quota import Quota
from rekindle.egress._sending import Sending
from rekindle.egress._standing import Standing, consumer_name
from rekindle.egress._store import Store, Waiting
from rekindle.egress.connector import Connector, ConnectorModule
from rekindle.egress.options import configurator, take_apart
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Entry, Log
from rekindle.model.clock import Clock
from rekindle.model.ports import FeedIds
from rekindle.model.record import Stored, decode
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT
from rekindle.workspace import Destination, Policy

_AT_ONCE: Final = 200
_IN_MEMORY: Final = 2_000
"""Events one step may hold, unless a single batch is larger."""


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
        limits = module.manifest.limits
        rate = parts.options.per_second or limits.per_second
        self._quota = Quota(database, workspace, name, rate, clock) if rate else None
        self._flow = Flow(parts.options.concurrency or limits.concurrency, rationed=bool(rate))
        self._store = Store(database, workspace, name)
        self._standing: Standing[Connector] = Standing(
            workspace, name, store=self._store, secret_names=parts.secrets, secret=secret,
            configure=configurator(module, parts), release=self._store.release, clock=clock,
        )  # fmt: skip
        preparer = Preparer(name, destination, policy, parts.options, limits, consents, vault, feed_ids, vendors)
        self._sending = Sending(
            workspace, name, limits, module.classify, preparer, self._store, self._standing, self._flow, door, clock,
            random,
        )  # fmt: skip
        self._consents = consents
        self._place = Place(log, consumer_name(workspace, name))
        self._clock = clock
        self.unreadable = 0
        """Records of the log that no reader of this version understands; they are passed over and stay in the log."""

    async def step(self) -> int:
        """Do what there is to do now; return how many records and retries were dealt with (0: nothing, or not yet)."""
        # Before anything can be wrong with the account: an unregistered cursor would not keep the log from being cut.
        await self._place.take()
        now = self._clock()
        state = await self._standing.look(now)
        connector = self._standing.connector
        if connector is None or now < state.next_ms or not await self._leave():
            return 0
        if state.state in ("open", "held"):
            return await self._place.read(1, self._deal) or await self._send(
                await self._store.probe(await self._place.owned())
            )
        due = await self._store.due(now, self._most(connector.batch), await self._place.owned())
        done = await self._send(due)
        if (await self._standing.state()).state != "running" or not await self._leave():
            return done
        return done + await self._place.read(self._most(connector.batch), self._deal)

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
        await self._place.give_up()

    async def _deal(self, entries: Sequence[Entry]) -> None:
        await self._send(await self._new(entries))

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

    async def _send(self, events: Sequence[Waiting]) -> int:
        connector = self._standing.connector
        if events and connector is not None:
            await self._consents.refresh()
            await self._sending.send(events, connector)
        return len(events)


__all__ = ["Lane", "consumer_name"]
