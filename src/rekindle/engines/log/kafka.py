"""The log on Kafka (or what speaks its protocol): many machines, several partitions, visitors kept together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

from rekindle.engines.log._kafka_admin import Admin
from rekindle.engines.log._kafka_consumer import KafkaConsumer
from rekindle.engines.log._kafka_producer import Appender
from rekindle.engines.log._kafka_target import KafkaTarget, parse
from rekindle.engines.log.protocol import ConsumerLag, Entry, Keyed, LogUnavailable
from rekindle.model.clock import Clock, system_clock

__all__ = ["KafkaConsumer", "KafkaLog", "KafkaTarget", "parse"]

T = TypeVar("T")

_FRESH_MS = 5_000


class KafkaLog:
    """``acks=all``, idempotent; an append returns when every in-sync replica has it.

    A partition follows from the key (murmur2, as Java's clients do), so that a visitor's records stay in order. A
    consumer's name is a consumer group, its cursor the group's committed offsets. The topic is made when it is
    missing. ``max_waiting`` bounds the bytes on their way to the brokers.
    """

    def __init__(
        self,
        target: KafkaTarget,
        *,
        password: str | None = None,
        clock: Clock = system_clock,
        max_waiting: int = 8 << 20,
    ) -> None:
        self._target = target
        self._clock = clock
        self._config = target.config(password)
        self._appender = Appender(self._config, target.topic, clock, max_waiting)
        self._admin = Admin(target, self._config)
        self._thread = ThreadPoolExecutor(1, "rekindle-log-admin")
        self._consumers: set[KafkaConsumer] = set()
        self._partitions: list[int] = []
        self._preparing = asyncio.Lock()
        self._asking = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def waiting_bytes(self) -> int:
        """See `Log.waiting_bytes`."""
        return self._appender.waiting

    async def append(self, records: Sequence[Keyed]) -> None:
        """See `Log.append`. After a failure some records may be stored that nobody was told of; a retry doubles them."""
        if self._closed:
            raise LogUnavailable("the log is closed")
        if not records:
            return
        self._asking += 1
        self._idle.clear()
        try:
            if not self._partitions:
                await self._prepare()
            await self._appender.append(records)
        finally:
            self._asking -= 1
            if not self._asking:
                self._idle.set()

    async def check(self) -> None:
        """See `Log.check`. Asks the brokers unless they took something within five seconds."""
        if self._closed:
            raise LogUnavailable("the log is closed")
        if self._clock() - self._appender.acknowledged_ms > _FRESH_MS:
            await self._prepare()
            await self._ask(self._admin.check)

    async def consumer(
        self, name: str, *, start: Literal["first", "last"] = "first", share: bool = True
    ) -> KafkaConsumer:
        """See `Log.consumer`."""
        partitions = await self._prepare()
        made = KafkaConsumer(
            self._config, self._target.topic, self._target.group(name), share=share, ends=self._admin.ends
        )
        consumer = await made.open(start, partitions)
        self._consumers = {each for each in self._consumers if not each.closed} | {consumer}
        return consumer

    async def forget(self, name: str) -> None:
        """See `Log.forget`. Raises `LogUnavailable` while somebody still follows under that name."""
        await self._ask(lambda: self._admin.forget(self._target.group(name)))

    async def lag(self) -> Sequence[ConsumerLag]:
        """See `Log.lag`."""
        partitions = await self._prepare()
        now = self._clock()

        def ask() -> list[ConsumerLag]:
            # Cursors before ends: what is committed in between must not count as ahead of the end.
            cursors = self._admin.cursors(partitions)
            ends = self._admin.ends(partitions)
            found = []
            for name, committed in cursors.items():
                behind = {
                    number: place
                    for number, (first, end) in ends.items()
                    if (place := max(first, committed.get(number, 0))) < end
                }
                times = self._admin.appended_ms(behind).values()
                records = sum(ends[number][1] - place for number, place in behind.items())
                found.append(ConsumerLag(name, records, max((now - at for at in times), default=0)))
            return found

        return await self._ask(ask)

    async def tail(self, after: tuple[int, int] | Mapping[int, int] | None, limit: int) -> Sequence[Entry]:
        """See `Log.tail`."""
        partitions = await self._prepare()

        def look() -> list[Entry]:
            asked = [after[0]] if isinstance(after, tuple) else partitions
            ends = self._admin.ends(asked)
            if after is None:
                starts = {number: max(first, end - limit) for number, (first, end) in ends.items()}
                return self._admin.read(starts, ends, limit)[-limit:]
            behind = {after[0]: after[1]} if isinstance(after, tuple) else after
            starts = {number: max(first, behind.get(number, -1) + 1) for number, (first, _) in ends.items()}
            return self._admin.read(starts, ends, limit)[:limit]

        return await self._ask(look)

    async def ends(self) -> Mapping[int, int]:
        """See `Log.ends`."""
        partitions = await self._prepare()
        found = await self._ask(lambda: self._admin.ends(partitions))
        return {number: following - 1 for number, (_, following) in found.items()}

    async def trim(self, older_than_ms: int) -> int:
        """See `Log.trim`. The brokers free the disk segment by segment, about an hour later."""
        partitions = await self._prepare()
        return await self._ask(lambda: self._admin.trim(partitions, older_than_ms))

    async def set_aside(self, entry: Entry, reader: str) -> None:
        """See `SetsAside.set_aside`. Several readers' copies of one entry become one: the topic is compacted by place."""
        headers = {"reader": reader.encode(), "appended_ms": str(entry.appended_ms).encode()}
        place = f"{entry.partition}-{entry.offset}".encode()
        self._appender.send(self._target.dead_letters, place, entry.value, headers)

    async def close(self) -> None:
        """See `Log.close`."""
        if self._closed:
            return
        self._closed = True
        await self._idle.wait()
        await asyncio.to_thread(self._appender.close)
        await asyncio.gather(*(each.close() for each in self._consumers))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._admin.close)
        self._thread.shutdown()

    async def _prepare(self) -> list[int]:
        """Return the topic's partitions; make it the first time, so that processes may start before the brokers."""
        async with self._preparing:
            if not self._partitions:
                self._partitions = await self._ask(self._admin.prepare)
        return self._partitions

    async def _ask(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError:
            raise LogUnavailable("the log is closed") from None
