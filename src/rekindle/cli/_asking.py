"""The worker's asker: what platforms are asked outside the lanes, by one worker at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

from rekindle.cli._accounts import open_accounts
from rekindle.cli._compose import Installation
from rekindle.cli._subjects import Subjects
from rekindle.egress.asking import Asker
from rekindle.egress.decisions import Decisions
from rekindle.egress.http import HttpTransport
from rekindle.egress.quality import Quality
from rekindle.egress.removal import Forgets
from rekindle.egress.send import Door
from rekindle.engines.database.lease import Lease, LeaseLost

_LEASE_MS = 60_000


class Asking:
    """Asks while this worker holds the lease; one that lost it has written nothing."""

    def __init__(self, installation: Installation, transport: HttpTransport) -> None:
        holder = f"{os.uname().nodename}/{os.getpid()}"
        self._lease = Lease(installation.database, installation.clock, "asker", holder, ttl_ms=_LEASE_MS)
        working = installation.fenced(self._lease)
        self._installation = working
        clock, database = working.clock, working.database
        door = Door(transport, working.ledger, clock)
        self._asker = Asker(
            database,
            door,
            open_accounts(installation, transport),
            clock,
            [
                Decisions(database, working.log, door, clock),
                Forgets(Subjects(working, transport).every, clock),
                Quality(database, clock, self._destinations),
            ],
        )

    async def step(self) -> int:
        """Ask what is due; return how much came to an end."""
        try:
            return await self._asker.step() if await asyncio.to_thread(self._lease.held) else 0
        except LeaseLost:
            return 0  # another worker has taken over, and finds everything where it was

    def _destinations(self) -> Iterator[tuple[str, str]]:
        for shop in self._installation.workspaces().values():
            for name, destination in sorted(shop.destinations.items()):
                if destination.enabled:
                    yield shop.name, name
