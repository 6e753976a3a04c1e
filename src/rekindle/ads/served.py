"""Count served ads by placement, hour and kind, in memory first: no write per request."""

from __future__ import annotations

from collections import Counter

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.ads._tables import served as table
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock

_HOUR_MS = 3_600_000
_FLUSH_MS = 2_000


class Served(msgspec.Struct, frozen=True):
    """Ads served for one placement since a moment."""

    placement: str
    personal: int
    general: int


class ServedCounter:
    """Buffers counts; a crash loses at most what was served since the last `flush` (two seconds under traffic)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._counts: Counter[tuple[str, str, int, bool]] = Counter()
        self._flushed_ms = clock()

    async def count(self, workspace: str, placement: str, *, personal: bool) -> None:
        """Count one ad; writes what has gathered when that is due."""
        now_ms = self._clock()
        self._counts[workspace, placement, now_ms // _HOUR_MS * _HOUR_MS, personal] += 1
        if now_ms - self._flushed_ms >= _FLUSH_MS:
            await self.flush()

    async def step(self) -> int:
        """Write what has gathered (a background room's face)."""
        return await self.flush()

    async def flush(self) -> int:
        """Write what has gathered; return how many ads that were. What cannot be written stays for the next time."""
        self._flushed_ms = self._clock()
        counts, self._counts = self._counts, Counter()
        if not counts:
            return 0
        try:
            await self._database.run(lambda connection: _write(connection, counts))
        except BaseException:
            self._counts.update(counts)
            raise
        return counts.total()


def served(database: Database, workspace: str, since_ms: int) -> list[Served]:
    """Return the ads served from ``since_ms``'s hour on, by placement."""
    query = (
        sa.select(table.c.placement, table.c.personal, sa.func.sum(table.c.count))
        .where(table.c.workspace == workspace, table.c.hour_ms >= since_ms // _HOUR_MS * _HOUR_MS)
        .group_by(table.c.placement, table.c.personal)
    )
    sums: dict[str, dict[bool, int]] = {}
    with database.read() as connection:
        for placement, personal, count in connection.execute(query):
            sums.setdefault(placement, {})[bool(personal)] = int(count)
    return [Served(name, found.get(True, 0), found.get(False, 0)) for name, found in sorted(sums.items())]


def _write(connection: Connection, counts: Counter[tuple[str, str, int, bool]]) -> None:
    statement = upsert(table, connection.dialect.name)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={"count": table.c.count + statement.excluded.count}
        ),
        [
            {"workspace": workspace, "placement": placement, "hour_ms": hour_ms, "personal": personal, "count": count}
            for (workspace, placement, hour_ms, personal), count in sorted(counts.items())
        ],
    )
