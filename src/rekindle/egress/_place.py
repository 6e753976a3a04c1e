"""A lane's place in the log: it moves on when what was read is dealt with, and goes back when it was not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from rekindle.engines.log.protocol import Consumer, Entry, Log, owned


class Place:
    """The cursor of one consumer."""

    def __init__(self, log: Log, name: str) -> None:
        self._log = log
        self._name = name
        self._consumer: Consumer | None = None

    async def take(self) -> Consumer:
        """Return the cursor; the first time registers it, and from then on the log is not cut behind it."""
        if self._consumer is None:
            self._consumer = await self._log.consumer(self._name)
        return self._consumer

    async def owned(self) -> Collection[int] | None:
        """Return the partitions that are this process's; None for all."""
        return owned(await self.take())

    async def read(self, limit: int, deal: Callable[[Sequence[Entry]], Awaitable[None]]) -> int:
        """Have up to ``limit`` new entries dealt with and move on; return how many there were.

        When ``deal`` raises, what it has written stays, and the entries are read again.
        """
        consumer = await self.take()
        entries = await consumer.poll(limit)
        if not entries:
            return 0
        try:
            await deal(entries)
            for entry in {entry.partition: entry for entry in entries}.values():
                await consumer.commit(entry)
        except BaseException:
            await consumer.rewind()
            raise
        return len(entries)

    async def give_up(self) -> None:
        """Leave the place to others; what was not finished is read again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None
