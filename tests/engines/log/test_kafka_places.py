"""An answer that is missing is no answer: nothing may be trimmed, or begun elsewhere, because a broker was silent."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from rekindle.engines.log import _kafka_errors
from rekindle.engines.log._kafka_admin import Admin
from rekindle.engines.log._kafka_places import committed
from rekindle.engines.log._kafka_target import KafkaTarget
from rekindle.engines.log.protocol import LogUnavailable

TARGET = KafkaTarget(servers="127.0.0.1:9", topic="log", partitions=2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kafka_errors, "PATIENCE_S", -1.0)


class Group:
    """A group's client that answers as told: an offset, or an error's code below -10."""

    def __init__(self, *answers: int | KafkaError) -> None:
        self._answers = answers

    def committed(self, _asked: object, timeout: float) -> list[Any]:
        return [
            SimpleNamespace(partition=number, offset=-1001, error=answer)
            if isinstance(answer, KafkaError)
            else SimpleNamespace(partition=number, offset=answer, error=None)
            for number, answer in enumerate(self._answers)
        ]

    def close(self) -> None:
        pass


class Brokers:
    """An admin client whose listing of groups is incomplete, or not."""

    def __init__(self, *errors: KafkaError) -> None:
        self._errors = list(errors)
        self.deleted: list[object] = []

    def list_consumer_groups(self, request_timeout: float) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(SimpleNamespace(valid=[SimpleNamespace(group_id="log:lane")], errors=self._errors))
        return future

    def delete_records(self, places: object, request_timeout: float) -> dict[object, Any]:
        self.deleted.append(places)
        return {}


def admin(brokers: Brokers, group: Group, monkeypatch: pytest.MonkeyPatch) -> Admin:
    made = Admin(TARGET, TARGET.config(None))
    made._lookers["log:lane"] = group  # type: ignore[assignment]
    monkeypatch.setattr(made, "_admin", brokers)
    monkeypatch.setattr(made, "ends", lambda _partitions: {0: (0, 10), 1: (0, 10)})
    monkeypatch.setattr(made, "_offsets", lambda wanted: dict.fromkeys(wanted, -1))
    return made


def test_a_place_that_was_never_committed_is_left_out() -> None:
    assert committed(Group(5, -1001), "log", [0, 1]) == {0: 5}  # type: ignore[arg-type]


def test_a_place_that_cannot_be_told_is_not_taken_for_none() -> None:
    group = Group(5, KafkaError(KafkaError.NOT_COORDINATOR))
    with pytest.raises(LogUnavailable):
        committed(group, "log", [0, 1])  # type: ignore[arg-type]


def test_trimming_goes_as_far_as_the_slowest(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = Brokers()
    assert admin(brokers, Group(7, 3), monkeypatch).trim([0, 1], 1) == 10
    assert len(brokers.deleted) == 1


def test_nothing_is_trimmed_while_a_broker_keeps_its_groups_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = Brokers(KafkaError(KafkaError._TRANSPORT))
    with pytest.raises(LogUnavailable):
        admin(brokers, Group(7, 3), monkeypatch).trim([0, 1], 1)
    assert brokers.deleted == []


def test_nothing_is_trimmed_while_a_place_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = Brokers()
    with pytest.raises(LogUnavailable):
        admin(brokers, Group(7, KafkaError(KafkaError._TRANSPORT)), monkeypatch).trim([0, 1], 1)
    assert brokers.deleted == []
