"""The view that keeps profiles and statistics up to date from the log."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.log import Log
from rekindle.engines.log.view import Part, View
from rekindle.model.clock import Clock
from rekindle.model.names import PLAIN, Names
from rekindle.model.ports import FeedIds
from rekindle.profiles import co_views, id_match, sightings, statistics, touches
from rekindle.profiles.subjects import ProfileHolder

_DAY_MS = 86_400_000
_TRIM_EVERY_MS = 3_600_000


class ProfileView:
    """Follows the log as consumer ``profiles``; `step` until it returns 0 to catch up.

    ``keep_ms`` is how long a visitor's acts are kept, ``keep_counts_ms`` how long the counts by hour. Without
    ``feeds`` the id contract is not counted.
    """

    def __init__(
        self,
        log: Log,
        database: Database,
        clock: Clock,
        feeds: FeedIds | None = None,
        *,
        names: Names = PLAIN,
        keep_ms: int = 90 * _DAY_MS,
        keep_counts_ms: int = 400 * _DAY_MS,
    ) -> None:
        # Co-views read the touches as they were before the batch, so they come first.
        parts: list[Part] = [
            co_views.CoViewing(),
            touches.Touches(),
            statistics.Statistics(),
            sightings.SightingsPart(),
        ]
        if feeds is not None:
            parts.append(id_match.IdMatches(feeds))
        self._view = View(log, database, "profiles", parts, names=names, rename=self._rename)
        self._database = database
        self._names = names
        self._clock = clock
        self._keep_ms = keep_ms
        self._keep_counts_ms = keep_counts_ms
        self._trimmed_ms = 0

    async def step(self, limit: int = 1000, wait_ms: int = 0) -> int:
        """Apply what is there to apply; return how many entries were read. Trims by time once an hour."""
        now_ms = self._clock()
        if now_ms - self._trimmed_ms >= _TRIM_EVERY_MS:
            self._trimmed_ms = now_ms
            await self._database.run(lambda connection: self._trim(connection, now_ms))
        return await self._view.step(limit, wait_ms)

    async def rebuild(self) -> None:
        """Empty everything and read the log again from its first entry with the next steps."""
        await self._view.rebuild()

    async def close(self) -> None:
        """Give up the cursor."""
        await self._view.close()

    def _rename(self, connection: Connection, workspace: str, renamed: Mapping[str, str]) -> None:
        ProfileHolder().rename(connection, workspace, renamed, self._names, self._clock())

    def _trim(self, connection: Connection, now_ms: int) -> None:
        touches.trim(connection, now_ms - self._keep_ms)
        co_views.trim(connection, now_ms)
        statistics.trim(connection, now_ms - self._keep_counts_ms)
        id_match.trim(connection, now_ms - self._keep_counts_ms)
