"""What is asked of the brokers besides writing and following: topics, ends, cursors, looking, cutting. All of it blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public by its documentation
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from rekindle.engines.log._kafka_errors import PASSING, code, patiently, translate
from rekindle.engines.log._kafka_places import committed
from rekindle.engines.log._kafka_target import KafkaTarget
from rekindle.engines.log.protocol import Entry, LogUnavailable

T = TypeVar("T")
_Spec: Any = OffsetSpec  # it carries no types

_RPC_S = 10.0
_LIST_S = 4.0  # every broker is asked, and one that just died is waited for
_LOOK_S = 10.0
_report = structlog.get_logger("log")


class Admin:
    """Talks to the brokers; `Admin.ends` may be called from any thread, everything else from one at a time."""

    def __init__(self, target: KafkaTarget, config: Mapping[str, Any]) -> None:
        self._target = target
        self._admin = AdminClient(dict(config))
        self._reader: Consumer | None = None
        self._reader_config = {
            **config,
            "group.id": f"{target.topic}..reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._lookers: dict[str, Consumer] = {}
        self._appended: dict[tuple[int, int], int] = {}

    def close(self) -> None:
        """Release the reader, and what looks after groups."""
        while self._lookers:
            self._lookers.popitem()[1].close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # -- topics

    def prepare(self) -> list[int]:
        """Make the topics that are missing, warn when the log promises less than it should; return the partitions."""
        target = self._target
        known = patiently(lambda: self._admin.list_topics(timeout=_RPC_S), time.sleep).topics
        settings = {
            "min.insync.replicas": str(min(target.min_in_sync, target.replication)),
            "message.timestamp.type": "CreateTime",
            "max.message.bytes": str(4 << 20),
            "segment.ms": "3600000",  # what was trimmed leaves the disk within about an hour
        }
        wanted = [
            # Rekindle trims by what its consumers have read; Kafka's clock must not do it before them.
            NewTopic(target.topic, target.partitions, target.replication, config=settings | {"retention.ms": "-1"}),
            NewTopic(target.dead_letters, 1, target.replication, config=settings | {"cleanup.policy": "compact"}),
        ]
        for topic in wanted:
            if topic.topic not in known:
                self._create(topic)
        partitions = patiently(self._partitions, time.sleep)
        self._judge()
        return partitions

    def _create(self, topic: NewTopic) -> None:
        try:
            self._admin.create_topics([topic], operation_timeout=_RPC_S)[topic.topic].result(_RPC_S * 2)
        except KafkaException as error:
            if code(error) == KafkaError.TOPIC_ALREADY_EXISTS:
                return
            if code(error) == KafkaError.INVALID_REPLICATION_FACTOR:
                raise LogUnavailable(
                    f"Kafka has fewer than {self._target.replication} brokers; add brokers, "
                    "or set ?replication=1&min_in_sync=1 in log_url where losing events is acceptable"
                ) from None
            raise translate(error) from None

    def _partitions(self) -> list[int]:
        found = self._admin.list_topics(self._target.topic, timeout=_RPC_S).topics[self._target.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def _judge(self) -> None:
        resource = ConfigResource(ResourceType.TOPIC, self._target.topic)
        try:
            settings = self._admin.describe_configs([resource], request_timeout=_RPC_S)[resource].result(_RPC_S * 2)
        except KafkaException as error:
            _report.warning("the topic's settings cannot be read", error=str(translate(error)))
            return
        self._in_sync = int(settings["min.insync.replicas"].value)
        if self._in_sync < 2:
            _report.warning("an acknowledged event is on one broker only", remedy="min.insync.replicas=2")
        if settings["retention.ms"].value != "-1":
            _report.warning("Kafka drops events by age, read or not", remedy="retention.ms=-1; Rekindle trims")

    _in_sync = 1

    def check(self) -> None:
        """Return when each partition has a leader and enough replicas in sync. Raises `LogUnavailable`."""
        try:
            topic = self._admin.list_topics(self._target.topic, timeout=3.0).topics[self._target.topic]
        except KafkaException as error:
            raise translate(error) from None
        for number, partition in topic.partitions.items():
            if partition.leader < 0 or len(partition.isrs) < self._in_sync:
                raise LogUnavailable(
                    f"Kafka: partition {number} has {len(partition.isrs)} replicas in sync and needs {self._in_sync}"
                )

    # -- places

    def ends(self, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return each partition's first offset and the one that comes next."""
        first = self._offsets(dict.fromkeys(partitions, _Spec.earliest()))
        following = self._offsets(dict.fromkeys(partitions, _Spec.latest()))
        return {number: (first[number], following[number]) for number in partitions}

    def _offsets(self, wanted: Mapping[int, Any]) -> dict[int, int]:
        def ask() -> dict[int, int]:
            asked = {TopicPartition(self._target.topic, number): spec for number, spec in wanted.items()}
            futures = self._admin.list_offsets(asked, request_timeout=_RPC_S)
            return {place.partition: _wait(future).offset for place, future in futures.items()}

        # The client does not look for a leader's newer epoch by itself: it would be refused for ever.
        return patiently(ask, time.sleep, between=lambda: self._admin.list_topics(self._target.topic, timeout=2.0))

    def cursors(self, partitions: Sequence[int]) -> dict[str, dict[int, int]]:
        """Return what each consumer of this log has committed, by partition."""
        prefix = self._target.prefix
        names = sorted(name for name in patiently(self._groups, time.sleep) if name.startswith(prefix))
        for gone in set(self._lookers) - set(names):
            self._lookers.pop(gone).close()
        found: dict[str, dict[int, int]] = {}
        for name in names:
            places = self._committed(name, partitions)
            if places:
                found[name.removeprefix(prefix)] = places
        return found

    def _groups(self) -> list[str]:
        listed = _wait(self._admin.list_consumer_groups(request_timeout=_LIST_S))
        for error in listed.errors:  # a broker that did not answer may hold any group, and `trim` must not miss one
            raise KafkaException(error)
        return [each.group_id for each in listed.valid]

    def _committed(self, group: str, partitions: Sequence[int]) -> dict[int, int]:
        """Ask as a client of the group that never joins it.

        The admin client's own request for this ends the process when a coordinator dies at the wrong moment
        (librdkafka issue 4605, and pull request 5397, which is open).
        """
        looker = self._lookers.get(group)
        if looker is None:
            looker = self._lookers[group] = Consumer({**self._reader_config, "group.id": group})
        return committed(looker, self._target.topic, partitions)

    def forget(self, group: str) -> None:
        """Delete a group; members that are just leaving get a moment. Raises `LogUnavailable` while others are in it."""
        for left in range(20, -1, -1):
            try:
                self._admin.delete_consumer_groups([group], request_timeout=_RPC_S)[group].result(_RPC_S * 2)
                return
            except KafkaException as error:
                if code(error) == KafkaError.GROUP_ID_NOT_FOUND:
                    return
                if code(error) != KafkaError.NON_EMPTY_GROUP or not left:
                    raise translate(error) from None
            time.sleep(0.25)

    def trim(self, partitions: Sequence[int], older_than_ms: int) -> int:
        """Drop what is older and committed by everybody; return how many entries went."""
        ends = self.ends(partitions)
        young = self._offsets({number: _Spec.for_timestamp(older_than_ms) for number in partitions})
        cursors = self.cursors(partitions).values()
        wanted: dict[int, int] = {}
        for number, (first, end) in ends.items():
            stop = end if young[number] < 0 else young[number]
            stop = min([stop, *(places.get(number, 0) for places in cursors)])
            if stop > first:
                wanted[number] = stop
        if not wanted:
            return 0
        places = [TopicPartition(self._target.topic, number, stop) for number, stop in wanted.items()]
        for future in self._admin.delete_records(places, request_timeout=_RPC_S).values():
            try:
                _wait(future)
            except KafkaException as error:
                raise translate(error) from None
        return sum(stop - ends[number][0] for number, stop in wanted.items())

    # -- looking

    def appended_ms(self, places: Mapping[int, int]) -> dict[int, int]:
        """Return when the entry at each place was appended; a place whose entry is gone is left out."""
        unknown = {number: at for number, at in places.items() if (number, at) not in self._appended}
        if unknown:
            if len(self._appended) > 10_000:
                self._appended.clear()
            ends = self.ends(list(unknown))
            starts = {number: max(at, ends[number][0]) for number, at in unknown.items()}
            for entry in self.read(starts, ends, 1):
                self._appended[entry.partition, unknown[entry.partition]] = entry.appended_ms
        return {number: self._appended[number, at] for number, at in places.items() if (number, at) in self._appended}

    def read(self, starts: Mapping[int, int], ends: Mapping[int, tuple[int, int]], limit: int) -> list[Entry]:
        """Return up to ``limit`` entries of each partition from ``starts`` up to the end, in order of time.

        A partition's own order is kept, whatever its clocks said. Raises `LogUnavailable`.
        """
        stops = {number: min(ends[number][1], at + limit) for number, at in starts.items() if at < ends[number][1]}
        if not stops or limit <= 0:
            return []
        if self._reader is None:
            self._reader = Consumer(self._reader_config)
        reader = self._reader
        reader.assign([TopicPartition(self._target.topic, number, starts[number]) for number in stops])
        found: list[tuple[int, Entry]] = []
        newest: dict[int, int] = {}
        until = time.monotonic() + _LOOK_S
        try:
            while stops:
                for message in reader.consume(1_000, 0.05):
                    error = message.error()
                    if error is not None:
                        if error.code() in PASSING:  # such as a broker that has not heard of a new topic yet
                            continue
                        raise translate(error)
                    number, offset = message.partition(), message.offset()
                    if number is None or offset is None or number not in stops:
                        continue
                    if offset < stops[number]:
                        at = message.timestamp()[1]
                        newest[number] = max(at, newest.get(number, at))
                        value = message.value()
                        entry = Entry(number, offset, at, b"" if value is None else bytes(value))
                        found.append((newest[number], entry))
                    if offset + 1 >= stops[number]:
                        del stops[number]
                if time.monotonic() > until:
                    raise LogUnavailable("Kafka holds entries that it does not give out now")
        finally:
            reader.unassign()
        found.sort(key=lambda each: (each[0], each[1].partition, each[1].offset))
        return [entry for _, entry in found]


def _wait(future: Future[T]) -> T:
    try:
        return future.result(_RPC_S * 2)
    except TimeoutError:
        raise LogUnavailable("Kafka does not answer") from None
