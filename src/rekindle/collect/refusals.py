"""Tallies of requests that were answered with an error: counted in memory, written about once a second.

A stranger who sends rubbish must not make the log grow by a record for each request. A crash can lose a second of
these counts; no event is behind any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from rekindle.engines.log import Keyed, LogUnavailable
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome
from rekindle.model.record import Tally, encode

_PAUSE_S = 1.0


class Refusals:
    """Collects counts by workspace and reason and appends them now and then."""

    def __init__(self, append: Callable[[Sequence[Keyed]], Awaitable[None]], clock: Clock) -> None:
        self._append = append
        self._clock = clock
        self._counts: dict[tuple[str, str], int] = {}
        self._flushing: asyncio.Task[None] | None = None

    def count(self, workspace: str, reason: str) -> None:
        """Count one refused request."""
        self._counts[workspace, reason] = self._counts.get((workspace, reason), 0) + 1
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._later())

    async def flush(self) -> None:
        """Append what was counted; on failure the counts stay for the next time."""
        counts, self._counts = self._counts, {}
        now = self._clock()
        records = [
            Keyed("", encode(Tally(workspace, now, Outcome.INVALID.value, reason, number)))
            for (workspace, reason), number in counts.items()
        ]
        if not records:
            return
        try:
            await self._append(records)
        except LogUnavailable:
            for name, number in counts.items():
                self._counts[name] = self._counts.get(name, 0) + number

    async def close(self) -> None:
        """Write the rest."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self.flush()

    async def _later(self) -> None:
        await asyncio.sleep(_PAUSE_S)
        await self.flush()
