"""Patience with brokers on the move: which failures pass, how long they are waited for, and what is said at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from rekindle.engines.log._kafka_errors import PATIENCE_S, patiently
from rekindle.engines.log.protocol import LogFull, LogUnavailable


class Time:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def failing(*codes: int) -> Callable[[], str]:
    """Fail with each code in turn, and then answer."""
    left = list(codes)

    def work() -> str:
        if left:
            raise KafkaException(KafkaError(left.pop(0)))
        return "answer"

    return work


def test_a_leader_that_moved_is_asked_again_after_looking_for_it() -> None:
    time, looked = Time(), list[float]()
    work = failing(KafkaError.FENCED_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION)
    assert patiently(work, time.sleep, lambda: looked.append(time()), now=time) == "answer"
    assert looked == [0.25, 0.5], "a client that does not look again asks with the old epoch for ever"


def test_looking_may_fail_for_a_moment_too() -> None:
    time = Time()
    look = failing(KafkaError._TRANSPORT)
    assert patiently(failing(KafkaError.FENCED_LEADER_EPOCH), time.sleep, look, now=time) == "answer"
    with pytest.raises(LogUnavailable):
        patiently(
            failing(KafkaError.FENCED_LEADER_EPOCH),
            time.sleep,
            failing(KafkaError.TOPIC_AUTHORIZATION_FAILED),
            now=time,
        )


def test_patience_ends() -> None:
    time = Time()
    with pytest.raises(LogUnavailable, match="NOT_COORDINATOR"):
        patiently(failing(*[KafkaError.NOT_COORDINATOR] * 1000), time.sleep, now=time)
    assert PATIENCE_S <= time() < PATIENCE_S + 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [(KafkaError.TOPIC_AUTHORIZATION_FAILED, LogUnavailable), (KafkaError.KAFKA_STORAGE_ERROR, LogFull)],
)
def test_what_does_not_pass_is_said_at_once(code: int, kind: type[Exception]) -> None:
    time = Time()
    with pytest.raises(kind):
        patiently(failing(code, code), time.sleep, now=time)
    assert time() == 0
