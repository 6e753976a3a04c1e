"""A named cursor on Kafka: a consumer group whose members share the partitions, or whose members each read all."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from rekindle.engines.log._kafka_errors import LOST_MEMBERSHIP, PASSING, code, patiently, translate
from rekindle.engines.log._kafka_places import committed
from rekindle.engines.log.protocol import Entry, LogUnavailable

T = TypeVar("T")
Ends = Callable[[Sequence[int]], Mapping[int, tuple[int, int]]]
"""Asks the brokers for partitions' first and next offsets."""

_SETTINGS: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 2_000,
    # A lane whose platform asked for hours of rest does not poll; `_tend` keeps its membership.
    "max.poll.interval.ms": 86_400_000,
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 8_192,
}
_PATIENCE_S = 10.0
_SLICE_S = 0.2
_TEND_S = 1.0
_IGNORED = {KafkaError._PARTITION_EOF, KafkaError._MAX_POLL_EXCEEDED}  # noqa: SLF001 -- their names in librdkafka
_report = structlog.get_logger("log")


class KafkaConsumer:
    """One member. Every call into librdkafka happens on this member's own thread, rebalances too."""

    def __init__(self, config: Mapping[str, Any], topic: str, group: str, *, share: bool, ends: Ends) -> None:
        self._config = {**config, **_SETTINGS, "group.id": group}
        self._topic = topic
        self._share = share
        self._ends = ends
        self._thread = ThreadPoolExecutor(1, "rekindle-log-read")
        self._kafka: Consumer | None = None
        self._ahead: deque[Entry] = deque()
        self._position: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._owned: frozenset[int] = frozenset()
        self._joined = False
        self._resting = False
        self._polled_s = 0.0
        self._closing = False
        self._tending: asyncio.Task[None] | None = None

    async def open(self, start: Literal["first", "last"], partitions: Sequence[int]) -> KafkaConsumer:
        """Register the name where it is new, and join. Raises `LogUnavailable`."""
        try:
            await self._run(lambda: self._open(start, partitions))
        except BaseException:
            await self.close()
            raise
        if self._share:
            self._tending = asyncio.create_task(self._tend())
        return self

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closing

    @property
    def owned(self) -> frozenset[int]:
        """See `Sharing.owned`."""
        return self._owned

    async def poll(self, limit: int, wait_ms: int = 0) -> Sequence[Entry]:
        """See `Consumer.poll`. Nothing is returned only when there was nothing at the time of the call."""
        return await self._run(lambda: self._poll(limit, wait_ms / 1000))

    async def commit(self, upto: Entry) -> None:
        """See `Consumer.commit`. For a partition that went to another member it does nothing: that one reads again."""
        await self._run(lambda: self._commit(upto.partition, upto.offset + 1))

    async def rewind(self) -> None:
        """See `Consumer.rewind`."""
        await self._run(lambda: self._go_to_committed(sorted(self._position)))

    async def close(self) -> None:
        """See `Consumer.close`."""
        if self._closing:
            return
        self._closing = True
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        if self._kafka is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._kafka.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closing:
            raise LogUnavailable("this consumer is closed; open it again")

        def guarded() -> T:
            try:
                return work()
            except KafkaException as error:
                raise translate(error) from None

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    async def _tend(self) -> None:
        """Take part in rebalances although nobody polls, so that another member need not wait for this one."""
        while True:
            await asyncio.sleep(_TEND_S)
            try:
                await self._run(self._look)
            except LogUnavailable as error:
                _report.warning("log cannot be read now", group=self._config["group.id"], error=str(error))

    # -- on the thread

    @property
    def _client(self) -> Consumer:
        assert self._kafka is not None
        return self._kafka

    def _open(self, start: Literal["first", "last"], partitions: Sequence[int]) -> None:
        self._kafka = Consumer(self._config)
        self._register(start, partitions)
        if not self._share:
            self._go_to_committed(partitions)
            return
        self._client.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        until = time.monotonic() + _PATIENCE_S
        while not self._joined and time.monotonic() < until and not self._closing:
            self._keep(self._client.poll(_SLICE_S))

    def _register(self, start: Literal["first", "last"], partitions: Sequence[int]) -> None:
        """Commit a first place: a group is known to the brokers, and holds back `trim`, by what it committed."""
        found = self._read_committed(partitions)
        new = [number for number in partitions if number not in found]
        if not new:
            return
        ends = self._ends(new)
        places = [TopicPartition(self._topic, number, ends[number][start == "last"]) for number in new]
        try:
            patiently(lambda: self._client.commit(offsets=places, asynchronous=False), time.sleep)
        except LogUnavailable:
            # Members are at work in the group, so it is known; they have committed, or do so any moment.
            if not self._read_committed(partitions):
                _report.info("consumer was registered by another member", group=self._config["group.id"])

    def _read_committed(self, partitions: Sequence[int]) -> dict[int, int]:
        return committed(self._client, self._topic, partitions)

    def _go_to_committed(self, partitions: Sequence[int]) -> None:
        self._committed = self._read_committed(partitions)
        self._ahead.clear()
        self._position = {number: self._committed.get(number, 0) for number in partitions}
        self._owned = frozenset(partitions)
        self._fetch()

    def _fetch(self) -> None:
        """Have everything behind `_position` fetched. Pausing and seeking keep a place of their own, so: a fresh start."""
        self._client.assign([TopicPartition(self._topic, *place) for place in self._position.items()])
        self._resting = False

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._closing:  # leaving, with the client half gone: nothing can be asked any more
            consumer.unassign()
            return
        self._go_to_committed(sorted(each.partition for each in partitions))
        self._joined = True

    def _revoked(self, consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._ahead.clear()
        self._position, self._committed, self._owned = {}, {}, frozenset()
        consumer.unassign()

    def _poll(self, limit: int, wait_s: float) -> Sequence[Entry]:
        try:
            return self._next(limit, wait_s)
        finally:
            self._polled_s = time.monotonic()

    def _next(self, limit: int, wait_s: float) -> Sequence[Entry]:
        if self._resting:
            self._fetch()
        until = time.monotonic() + wait_s
        patience = until + _PATIENCE_S
        while not self._closing:
            if len(self._ahead) < limit:
                self._keep(self._client.poll(0))
                for message in self._client.consume(min(limit, 10_000), 0) if self._ahead else ():
                    self._keep(message)
            if self._ahead:
                return [self._ahead.popleft() for _ in range(min(limit, len(self._ahead)))]
            now = time.monotonic()
            if self._behind():
                if now > patience:
                    raise LogUnavailable("Kafka holds entries that it does not give out now")
            elif now >= until:
                break
            self._keep(self._client.poll(_SLICE_S if now >= until else min(_SLICE_S, until - now)))
        return []

    def _behind(self) -> bool:
        """Ask whether there is anything to read; the local queue being empty says nothing of that."""
        if not self._position:
            return False
        ends = self._ends(list(self._position))
        return any(max(self._position[number], first) < end for number, (first, end) in ends.items())

    def _look(self) -> None:
        if time.monotonic() - self._polled_s < _TEND_S:
            return
        if self._ahead:
            # Nobody asks for entries: have no more of them fetched.
            for entry in reversed(self._ahead):
                self._position[entry.partition] = entry.offset
            self._ahead.clear()
            self._client.assign([])
            self._resting = True
        self._keep(self._client.poll(0))

    def _keep(self, message: Message | None) -> None:
        if message is None:
            return
        error = message.error()
        if error is not None:
            if error.code() not in _IGNORED | PASSING:
                raise translate(error)
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        expected = self._position.get(partition)
        if expected is None or offset < expected:
            return
        if offset > expected and self._ends([partition])[partition][0] <= expected:
            # Offsets of a log without transactions have no gaps, but for what was trimmed.
            _report.error("entries were skipped, reading them again", group=self._config["group.id"])
            self._go_to_committed(sorted(self._position))
            return
        self._position[partition] = offset + 1
        value = message.value()
        self._ahead.append(Entry(partition, offset, message.timestamp()[1], b"" if value is None else bytes(value)))

    def _commit(self, partition: int, offset: int) -> None:
        if partition not in self._position or offset <= self._committed.get(partition, 0):
            return
        place = TopicPartition(self._topic, partition, offset)
        try:
            self._client.commit(offsets=[place], asynchronous=False)
        except KafkaException as error:
            if code(error) in LOST_MEMBERSHIP:
                return
            raise
        self._committed[partition] = offset
