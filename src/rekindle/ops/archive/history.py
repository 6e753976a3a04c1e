"""The whole history as a log: first what is archived, then what the log holds behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Literal

from rekindle.engines.log import Consumer, ConsumerLag, Entry, Keyed, Log
from rekindle.ops.archive.reading import Archive

_PAGE: Final = 2_000


async def pages(log: Log, archived: Iterator[Entry] | None = None) -> AsyncIterator[list[Entry]]:
    """Yield pages of ``archived`` and then of what the log holds behind it. Registers no cursor and moves none."""
    passed: dict[int, int] = {}
    source = iter(()) if archived is None else archived
    while page := await asyncio.to_thread(lambda: list(islice(source, _PAGE))):
        passed |= {entry.partition: entry.offset for entry in page}
        yield page
    after: dict[int, int] = {}
    while found := await log.tail(after, _PAGE):
        after |= {entry.partition: entry.offset for entry in found}
        if page := [entry for entry in found if entry.offset > passed.get(entry.partition, -1)]:
            yield page


class HistoryLog:
    """A `Log` whose consumers begin with the archive. For rebuilds; not beside a running worker."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._log, self._archive = log, archive

    @property
    def waiting_bytes(self) -> int:
        """See `Log.waiting_bytes`."""
        return self._log.waiting_bytes

    async def append(self, records: Sequence[Keyed]) -> None:
        """See `Log.append`."""
        await self._log.append(records)

    async def check(self) -> None:
        """See `Log.check`."""
        await self._log.check()

    async def consumer(self, name: str, *, start: Literal["first", "last"] = "first", share: bool = True) -> Consumer:
        """Open the consumer ``name``, from the first archived record on whatever its cursor says."""
        return _HistoryConsumer(await self._log.consumer(name, start=start, share=share), self._archive)

    async def forget(self, name: str) -> None:
        """See `Log.forget`."""
        await self._log.forget(name)

    async def lag(self) -> Sequence[ConsumerLag]:
        """See `Log.lag`."""
        return await self._log.lag()

    async def tail(self, after: tuple[int, int] | Mapping[int, int] | None, limit: int) -> Sequence[Entry]:
        """See `Log.tail`; the archive is no part of it."""
        return await self._log.tail(after, limit)

    async def ends(self) -> Mapping[int, int]:
        """See `Log.ends`."""
        return await self._log.ends()

    async def trim(self, older_than_ms: int) -> int:
        """See `Log.trim`."""
        return await self._log.trim(older_than_ms)

    async def close(self) -> None:
        """Leave the log open: it belongs to whoever opened it."""


class _HistoryConsumer:
    def __init__(self, behind: Consumer, archive: Archive) -> None:
        self._behind, self._archive = behind, archive
        self._passed: dict[int, int] = {}
        self._archived: Iterator[Entry] | None = self._open()

    async def poll(self, limit: int, wait_ms: int = 0) -> Sequence[Entry]:
        if self._archived is not None:
            source = self._archived
            entries = await asyncio.to_thread(lambda: list(islice(source, limit)))
            if entries:
                self._passed |= {entry.partition: entry.offset for entry in entries}
                return entries
            self._archived = None
        while entries := list(await self._behind.poll(limit, wait_ms)):
            fresh = [entry for entry in entries if entry.offset > self._passed.get(entry.partition, -1)]
            if fresh:
                return fresh
        return []

    async def commit(self, upto: Entry) -> None:
        # What the archive gave is behind the log's own cursors, or will be with the first commit of a newer record.
        if self._archived is None:
            await self._behind.commit(upto)

    async def rewind(self) -> None:
        await self._behind.rewind()
        self._passed, self._archived = {}, self._open()

    async def close(self) -> None:
        self._archived = None
        await self._behind.close()

    def _open(self) -> Iterator[Entry]:
        return self._archive.entries(self._archive.files())
