"""A failed append may leave some of its records in Kafka: the client writes again, and everything counts once."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from tools.kafka import Cluster

from rekindle.audiences import AudienceView, changes, members
from rekindle.egress.status import all_outcomes
from rekindle.engines.database import Database
from rekindle.engines.log import LogUnavailable
from rekindle.engines.log.kafka import KafkaLog, KafkaTarget
from rekindle.model.record import Stored, decode
from rekindle.profiles import ProfileView, totals
from tests.audiences.shop import may_enter, shop
from tests.conftest import FakeClock
from tests.egress.world import World

pytestmark = pytest.mark.cluster


class Fails:
    """The real producer, but it takes no more than so many further records, once."""

    def __init__(self, producer: Any, most: int) -> None:
        self._producer, self._left = producer, most

    def produce(self, *given: Any, **named: Any) -> None:
        if self._left == 0:
            self._left = 1_000_000
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))
        self._left -= 1
        self._producer.produce(*given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def __len__(self) -> int:
        return len(self._producer)


@pytest.mark.parametrize("taken", [1, 3])
async def test_half_a_batch_and_its_retry_count_once(
    kafka: Cluster, database: Database, clock: FakeClock, tmp_path: Path, taken: int
) -> None:
    target = KafkaTarget(servers=kafka.bootstrap, topic=f"half-{taken}-{os.getpid()}", partitions=3)
    log = KafkaLog(target, clock=clock)
    world = World(tmp_path, database, clock, log=log)
    profiles = ProfileView(log, database, clock)
    audiences = AudienceView(log, database, clock, lambda: {"shop": shop()}, may_enter=may_enter)

    async def everything() -> None:
        while await profiles.step() + await audiences.step() + await world.lane.step():
            pass

    await everything()
    log._appender._producer = Fails(log._appender._producer, taken)  # type: ignore[assignment]
    with pytest.raises(LogUnavailable):
        await world.happen(4)
    await everything()  # whoever reads meanwhile finds what was taken
    world.count = 0  # the client tries again, with the same ids
    names = await world.happen(4)
    await everything()

    stored = [decode(entry.value) for entry in await log.tail(None, 100)]
    copies = Counter(record.event_id for record in stored if isinstance(record, Stored))
    assert copies == Counter({name: 2 if number < taken else 1 for number, name in enumerate(names)})
    assert totals(database, "shop", 0).accepted == {"view_item": 4}
    assert totals(database, "shop", 0).filtered == {"duplicate": taken}
    assert [member.subject for member in members(database, "shop", "viewed")] == ["s1"]
    assert [each.audience for each in changes(database, "shop")] == ["viewed"]
    assert Counter(world.platform.sent) == Counter(names), "each was sent once"
    assert sorted(all_outcomes(database, "shop", "meta")) == [(name, "delivered", "ok") for name in sorted(names)]
    await world.close()
