"""Where a consumer group is: asked for so that no answer that is missing passes for "nowhere"."""

from __future__ import annotations

import time
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from rekindle.engines.log._kafka_errors import patiently

_RPC_S = 10.0


def committed(consumer: Consumer, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    """Return what the consumer's group has committed, by partition; one that it never committed is left out.

    Raises `LogUnavailable`, also when only one partition's place could not be told: whoever takes that for "never" would
    begin elsewhere, or trim what was not read.
    """

    def ask() -> list[TopicPartition]:
        found = consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=_RPC_S)
        for each in found:
            if each.error is not None:
                raise KafkaException(each.error)
        return found

    return {each.partition: each.offset for each in patiently(ask, time.sleep) if each.offset >= 0}
