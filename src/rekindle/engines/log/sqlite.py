"""The log in one SQLite file: durable, no server, several processes at once, one partition (number 0)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from rekindle.engines.log._block import BlockDamaged, unpack
from rekindle.engines.log._file import File, translate
from rekindle.engines.log._writer import Writer
from rekindle.engines.log.protocol import ConsumerLag, Entry, Keyed, LogCorrupt, LogUnavailable
from rekindle.model.clock import Clock, system_clock

T = TypeVar("T")

# Another process's commits are seen by looking; ours wake the readers at once.
_LOOK_S = 0.05
_TRIM_BLOCKS = 256


class SqliteLog:
    """Write-ahead logging, ``synchronous=FULL``, ``secure_delete=ON``; one transaction for everything that waits.

    ``max_waiting`` bounds the bytes that wait for the disk, ``reserve`` is the free disk space (bytes) below which
    appends raise `LogFull`, ``max_bytes`` caps the file itself. Any number of processes may append and read; of each
    consumer name only one member may be active at a time.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = system_clock,
        max_waiting: int = 8 << 20,
        reserve: int = 64 << 20,
        max_bytes: int | None = None,
    ) -> None:
        self._clock = clock
        try:
            self._writer = Writer(path, clock, max_waiting=max_waiting, reserve=reserve, max_bytes=max_bytes)
            self._reading = File(path)
        except sqlite3.Error as error:
            raise translate(error) from None
        self._writer.on_commit = self._wake
        self._threads = ThreadPoolExecutor(1, "rekindle-log-read")
        self._sleepers: set[asyncio.Future[None]] = set()
        self._closed = False

    @property
    def waiting_bytes(self) -> int:
        """See `Log.waiting_bytes`."""
        return self._writer.waiting

    async def append(self, records: Sequence[Keyed]) -> None:
        """See `Log.append`."""
        if records:
            await self._writer.append([record.value for record in records])

    async def check(self) -> None:
        """See `Log.check`. Costs a commit only after an append has failed."""
        if self._closed:
            raise LogUnavailable("the log is closed")
        if self._writer.refused is not None:
            await self._writer.append([])

    async def consumer(
        self, name: str, *, start: Literal["first", "last"] = "first", share: bool = True
    ) -> SqliteConsumer:
        """See `Log.consumer`."""
        committed = await self._writer.work(lambda file: file.register(name, at_end=start == "last"))
        return SqliteConsumer(self, name, committed)

    async def forget(self, name: str) -> None:
        """See `Log.forget`."""
        await self._writer.work(lambda file: file.forget(name))

    async def lag(self) -> Sequence[ConsumerLag]:
        """See `Log.lag`."""
        now = self._clock()
        return [
            ConsumerLag(name, max(0, end - max(committed, start - 1)), 0 if oldest is None else max(0, now - oldest))
            for (name, committed, end, oldest), start in await self.read(
                lambda file: [(row, file.start()) for row in file.cursors()]
            )
        ]

    async def tail(self, after: tuple[int, int] | Mapping[int, int] | None, limit: int) -> Sequence[Entry]:
        """See `Log.tail`."""
        place = after[1] if isinstance(after, tuple) else None if after is None else after.get(0, 0)

        def newest(file: File) -> list[Entry]:
            return file.entries(max(0, file.end() - limit) if place is None else place, limit)[:limit]

        return await self.read(newest)

    async def ends(self) -> Mapping[int, int]:
        """See `Log.ends`."""
        return {0: await self.read(File.end)}

    async def trim(self, older_than_ms: int) -> int:
        """See `Log.trim`. Goes by whole blocks, in short transactions, so that appends are not held up."""
        total = 0
        while gone := await self._writer.work(lambda file: file.trim(older_than_ms, _TRIM_BLOCKS)):
            total += gone
        if total:
            await self.read(File.wipe)
        return total

    async def rewrite(self, change: Callable[[bytes], bytes]) -> int:
        """Replace records where they are (erasure); ``change`` returns what stays as it came. Returns how many.

        Offsets and times stay. Goes block by block, so that appends are not held up; the old bytes are gone from the
        file and from its write-ahead file on return.
        """
        after = total = 0
        while (found := await self.read(partial(File.block, after=after))) is not None:
            first, records = found
            if any(change(record) != record for record in records):
                total += await self._writer.work(partial(File.replace, first=first, change=change))
            after = first + len(records) - 1
        if total:
            await self.read(File.wipe)
        return total

    async def close(self) -> None:
        """See `Log.close`."""
        if self._closed:
            return
        self._closed = True
        self._wake()
        await asyncio.to_thread(self._writer.close)
        await asyncio.get_running_loop().run_in_executor(self._threads, self._reading.close)
        self._threads.shutdown()

    # -- for the consumers

    async def read(self, work: Callable[[File], T]) -> T:
        """Run ``work`` on the reading connection, in its thread. Raises `LogUnavailable`, `LogCorrupt`."""
        if self._closed:
            raise LogUnavailable("the log is closed")

        def reading() -> T:
            try:
                return work(self._reading)
            except sqlite3.Error as error:
                raise translate(error) from None

        return await asyncio.get_running_loop().run_in_executor(self._threads, reading)

    async def commit(self, name: str, offset: int) -> None:
        """Durably move a cursor, together with everything else that waits."""
        await self._writer.work(lambda file: file.move(name, offset))

    async def sleep(self, seconds: float) -> None:
        """Wait until something was appended, at most ``seconds`` and never longer than a look at the file is due."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.add(sleeper)
        try:
            await asyncio.wait([sleeper], timeout=min(seconds, _LOOK_S))
        finally:
            self._sleepers.discard(sleeper)

    def _wake(self) -> None:
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)


def blocks_of(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield every record in a log's file, for a search that has opened it by itself. Raises `LogCorrupt`."""
    for first, body in connection.execute("SELECT first, body FROM block ORDER BY first"):
        try:
            yield from unpack(body)
        except BlockDamaged as error:
            raise LogCorrupt(f"block at offset {first}: {error}") from None


class SqliteConsumer:
    """A cursor; what a poll read beyond its limit (less than one block) waits for the next poll."""

    def __init__(self, log: SqliteLog, name: str, committed: int) -> None:
        self._log = log
        self._name = name
        self._position = committed
        self._ahead: list[Entry] = []

    async def poll(self, limit: int, wait_ms: int = 0) -> Sequence[Entry]:
        """See `Consumer.poll`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_ms / 1000
        while not self._ahead:
            self._ahead = await self._log.read(lambda file: file.entries(self._position, limit))
            left = until - loop.time()
            if self._ahead or left <= 0:
                break
            await self._log.sleep(left)
        entries, self._ahead = self._ahead[:limit], self._ahead[limit:]
        if entries:
            self._position = entries[-1].offset
        return entries

    async def commit(self, upto: Entry) -> None:
        """See `Consumer.commit`."""
        await self._log.commit(self._name, upto.offset)

    async def rewind(self) -> None:
        """See `Consumer.rewind`."""
        committed = await self._log.read(lambda file: file.committed(self._name))
        if committed is None:
            raise LogUnavailable(f"consumer {self._name!r} was forgotten; open it again")
        self._position, self._ahead = committed, []

    async def close(self) -> None:
        """See `Consumer.close`."""
        self._ahead = []
