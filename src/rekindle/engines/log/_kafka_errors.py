"""librdkafka's errors in the log's own words."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from rekindle.engines.log.protocol import LogFull, LogUnavailable

T = TypeVar("T")

PATIENCE_S = 15.0
LOST_MEMBERSHIP = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001 -- its name in librdkafka
    KafkaError._STATE,  # noqa: SLF001
}
PASSING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_CONTROLLER,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,  # a new leader does not know its high watermark yet
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNKNOWN_TOPIC_OR_PART,  # a new topic has not reached every broker yet
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
}


def code(error: BaseException) -> int | None:
    """Return the code of a Kafka exception; None for another."""
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return int(error.args[0].code())
    return None


def is_passing(error: BaseException) -> bool:
    """Tell whether a moment's patience may help: a coordinator or leader is on the move."""
    return code(error) in PASSING


def translate(error: KafkaError | BaseException) -> LogUnavailable:
    """Return the log's exception for one of librdkafka's; it names brokers and topics, and no key and no record."""
    if isinstance(error, LogUnavailable):
        return error
    kafka = error if isinstance(error, KafkaError) else error.args[0] if error.args else error
    if isinstance(kafka, KafkaError):
        if kafka.code() == KafkaError.KAFKA_STORAGE_ERROR:
            return LogFull("a broker's disk is full or broken; free space there, acceptance resumes by itself")
        return LogUnavailable(f"Kafka: {kafka.name()}: {kafka.str()}")
    return LogUnavailable(f"Kafka: {kafka}")


def patiently(
    work: Callable[[], T],
    sleep: Callable[[float], object],
    between: Callable[[], object] = lambda: None,
    *,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """Call ``work`` again for 15 s, a quarter of a second apart, while its failure is a passing one.

    ``between`` is called before each further try; passing failures of its own do not matter. Raises `LogUnavailable`.
    """
    until = now() + PATIENCE_S
    while True:
        try:
            return work()
        except KafkaException as error:
            if now() > until or not is_passing(error):
                raise translate(error) from None
        sleep(0.25)
        try:
            between()
        except KafkaException as error:
            if not is_passing(error):
                raise translate(error) from None
