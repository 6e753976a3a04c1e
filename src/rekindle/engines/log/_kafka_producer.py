"""Appends to Kafka: answered when every in-sync replica has every record of the call."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from rekindle.engines.log._kafka_errors import translate
from rekindle.engines.log.protocol import Keyed, LogUnavailable
from rekindle.model.clock import Clock

_SETTINGS: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    "partitioner": "murmur2",
    "linger.ms": 2,
    # Longer than the election of a new leader, shorter than a browser's patience.
    "delivery.timeout.ms": 20_000,
    "request.timeout.ms": 5_000,
    "message.max.bytes": 4 << 20,
}


class _Pending:
    """One call's records on their way."""

    __slots__ = ("error", "future", "left", "size")

    def __init__(self, future: asyncio.Future[None], records: int, size: int) -> None:
        self.future = future
        self.left = records
        self.size = size
        self.error: LogUnavailable | None = None


class Appender:
    """Owns the producer and the thread that hears of deliveries."""

    def __init__(self, config: Mapping[str, Any], topic: str, clock: Clock, max_waiting: int) -> None:
        self._config = {**config, **_SETTINGS}
        self._topic = topic
        self._clock = clock
        self._max_waiting = max_waiting
        self._producer = Producer(self._config)
        self._broken = False
        self._closing = False
        self._settled: list[_Pending] = []
        self._turn = threading.Lock()
        self.waiting = 0
        self.acknowledged_ms = 0
        self._thread = threading.Thread(target=self._serve, name="rekindle-log-kafka", daemon=True)
        self._thread.start()

    async def append(self, records: Sequence[Keyed]) -> None:
        """Return when all records are safe. Raises `LogFull`, `LogUnavailable`; some may then be stored all the same."""
        if self._closing:
            raise LogUnavailable("the log is closed")
        size = sum(len(record.value) for record in records)
        if self.waiting and self.waiting + size > self._max_waiting:
            raise LogUnavailable("too much waits for Kafka already; try again later")
        pending = _Pending(asyncio.get_running_loop().create_future(), len(records), size)
        self.waiting += size
        now = self._clock()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            self._count(pending, 1, error)

        for sent, record in enumerate(records):
            try:
                self._producer.produce(
                    self._topic, record.value, record.key.encode(), timestamp=now, on_delivery=delivered
                )
            except (KafkaException, BufferError) as error:
                self._broken |= isinstance(error, KafkaException) and error.args[0].fatal()
                self._count(pending, len(records) - sent, error)
                break
        await pending.future
        self.acknowledged_ms = self._clock()

    def send(self, topic: str, key: bytes, value: bytes, headers: Mapping[str, bytes]) -> None:
        """Send a record that nobody waits for. Raises `LogUnavailable`."""
        try:
            self._producer.produce(topic, value, key, headers=dict(headers))
        except (KafkaException, BufferError) as error:
            raise translate(error) from None

    def close(self) -> None:
        """Wait for what is on its way, at most as long as a delivery may take. Blocks."""
        self._closing = True
        self._thread.join()

    def _serve(self) -> None:
        until: float | None = None
        while True:
            self._producer.poll(0.05)
            self._wake()
            if self._broken:
                # An idempotent producer that lost its sequence can only be replaced; what it held was not stored.
                self._producer.purge()
                self._producer.flush(1.0)
                self._producer = Producer(self._config)
                self._broken = False
            if self._closing:
                until = until or time.monotonic() + 25.0
                if not len(self._producer):
                    break
                if time.monotonic() > until:
                    self._producer.purge()
                    self._producer.flush(1.0)
                    break
        self._wake()

    def _count(self, pending: _Pending, records: int, error: KafkaError | BaseException | None) -> None:
        with self._turn:
            if error is not None:
                pending.error = translate(error)
                self._broken |= isinstance(error, KafkaError) and error.fatal()
            pending.left -= records
            if not pending.left:
                self._settled.append(pending)

    def _wake(self) -> None:
        with self._turn:
            settled, self._settled = self._settled, []
        loops: dict[asyncio.AbstractEventLoop, list[_Pending]] = {}
        for pending in settled:
            loops.setdefault(pending.future.get_loop(), []).append(pending)
        for loop, waiting in loops.items():
            _call(loop, self._settle, waiting)

    def _settle(self, settled: Sequence[_Pending]) -> None:
        for pending in settled:
            self.waiting -= pending.size
            if pending.future.done():
                continue
            if pending.error is None:
                pending.future.set_result(None)
            else:
                pending.future.set_exception(pending.error)


def _call(loop: asyncio.AbstractEventLoop, work: Callable[[Sequence[_Pending]], None], found: list[_Pending]) -> None:
    try:
        loop.call_soon_threadsafe(work, found)
    except RuntimeError:  # that loop is gone, and with it everyone who waited
        return
