"""Everything that was ever recorded as one log: the archive and the log behind it, to read and to replace records in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rekindle.cli._compose import Installation
from rekindle.engines.log import SqliteLog
from rekindle.ops.archive import Archive, HistoryLog
from rekindle.ops.archive.rewriting import rewrite


class WholeLog(HistoryLog):
    """For subject requests. An engine that cannot replace records (Kafka) keeps them until their time is over."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._work = installation.settings.data / "work"
        super().__init__(installation.log, Archive(installation.database, installation.blobs, self._work))

    async def rewrite(self, change: Callable[[bytes], bytes]) -> int | None:
        """Replace records in the archive and in the log; return how many in both, None where the log cannot."""
        house = self._installation
        archived = await asyncio.to_thread(
            rewrite, house.database, house.blobs, self._work, house.clock, change
        )  # fmt: skip
        if not isinstance(house.log, SqliteLog):
            return None
        return archived + await house.log.rewrite(change)
