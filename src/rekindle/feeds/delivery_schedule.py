"""Every delivery of every workspace at its time, several at once, none of them able to stop another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from rekindle.engines.blobs import BlobsUnavailable
from rekindle.engines.database.lease import LeaseLost
from rekindle.feeds import turns
from rekindle.feeds.delivering import Deliverer, NothingToDeliver
from rekindle.model.clock import Clock
from rekindle.privacy.ledger import LedgerUnavailable
from rekindle.workspace import Delivery, Workspace

MOST: Final = 8
"""So many transfers at once; of one workspace a half of it, so that one shop's slow servers leave room for others."""

_REST_MS: Final = 60_000

Key = tuple[str, str, str]


class DeliverySchedule:
    """Starts what is due; the scheduler loops `step`, and calls `close` at the end.

    ``failed`` is told of faults of our own (never of what a server answers: that is in the receipts).
    """

    def __init__(
        self,
        deliverer: Deliverer,
        workspaces: Callable[[], Iterable[Workspace]],
        clock: Clock,
        failed: Callable[[str, str, str, Exception], None],
    ) -> None:
        self._deliverer, self._workspaces, self._clock, self._failed = deliverer, workspaces, clock, failed
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._resting: dict[Key, int] = {}

    async def step(self) -> int:
        """Start what is due and has room; return how many were started."""
        now = self._clock()
        self._running = {key: task for key, task in self._running.items() if not task.done()}
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        started = 0
        for workspace in self._workspaces():
            for feed, document in workspace.feeds.items():
                for delivery in document.delivery:
                    key = (workspace.name, feed, delivery.name)
                    if delivery.enabled and self._has_room(key) and await self._due(workspace, feed, delivery):
                        self._running[key] = asyncio.create_task(self._deliver(workspace, feed, delivery))
                        started += 1
        return started

    def _has_room(self, key: Key) -> bool:
        mine = sum(other[0] == key[0] for other in self._running)
        if key in self._running or key in self._resting:
            return False
        return len(self._running) < MOST and mine < MOST // 2

    async def _due(self, workspace: Workspace, feed: str, delivery: Delivery) -> bool:
        turn = await asyncio.to_thread(self._deliverer.turn, workspace, feed, delivery)
        return turn is not None and turns.ready(turn, self._clock())

    async def _deliver(self, workspace: Workspace, feed: str, delivery: Delivery) -> None:
        try:
            await self._deliverer.deliver(workspace, feed, delivery)
        except LeaseLost:
            return  # another scheduler's turn
        except (NothingToDeliver, LedgerUnavailable, BlobsUnavailable):
            self._rest(workspace, feed, delivery)  # somebody else is at it, or a store of ours is away
        except Exception as error:  # noqa: BLE001 - one delivery must not stop the others
            self._rest(workspace, feed, delivery)
            self._failed(workspace.name, feed, delivery.name, error)

    def _rest(self, workspace: Workspace, feed: str, delivery: Delivery) -> None:
        """Leave it alone for a minute: its state did not move, so it would be due again at once."""
        self._resting[workspace.name, feed, delivery.name] = self._clock() + _REST_MS

    async def idle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Break off what is under way: it is due again at the next start."""
        for task in self._running.values():
            task.cancel()
        await self.idle()
