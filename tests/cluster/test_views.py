"""Views, consents and lanes' cursors with several partitions and two workers: nothing is counted twice or missed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import pytest
from sqlalchemy.engine import Connection
from tools.kafka import Cluster

from rekindle.engines.database import Database
from rekindle.engines.log import Entry, Keyed
from rekindle.engines.log.kafka import KafkaConsumer, KafkaLog, KafkaTarget
from rekindle.engines.log.view import Noted, View
from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, Record, Stored, encode
from rekindle.privacy.consents import ConsentView
from tests.visits import did

pytestmark = pytest.mark.cluster


class Counting:
    """What one worker's part was given."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def prepare(self, records: Sequence[Record]) -> None:
        pass

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        for record, duplicate in batch:
            if isinstance(record, Stored) and not duplicate:
                self.events.append(record.event_id)

    def clear(self, connection: Connection) -> None:
        self.events.clear()


def target(kafka: Cluster, name: str) -> KafkaTarget:
    return KafkaTarget(servers=kafka.bootstrap, topic=f"{name}-{os.getpid()}", partitions=6)


async def visits(log: KafkaLog, first: int, count: int) -> None:
    await log.append(
        [
            Keyed(f"visitor {number % 50}", encode(did("view_item", event_id=f"e{number}")))
            for number in range(first, first + count)
        ]
    )


async def caught_up(log: KafkaLog, *views: View) -> None:
    async with asyncio.timeout(60):
        while True:
            done = sum([await view.step(limit=40) for view in views])
            if not done and not any(lag.records for lag in await log.lag()):
                return


async def test_partitions_that_move_between_two_workers_are_counted_once(
    kafka: Cluster, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_log, two_log = KafkaLog(target(kafka, "views")), KafkaLog(target(kafka, "views"))
    one, two = Counting(), Counting()
    first, second = View(one_log, database, "v", [one]), View(two_log, database, "v", [two])
    await visits(one_log, 0, 300)

    async def crash(self: KafkaConsumer, upto: Entry) -> None:
        """The transaction is through, the cursor has not moved."""

    with monkeypatch.context() as patch:
        patch.setattr(KafkaConsumer, "commit", crash)
        for _ in range(3):
            assert await first.step(limit=40)
    await second.step(limit=40)
    await caught_up(one_log, first, second)
    await visits(one_log, 300, 300)
    await second.step(limit=40)
    await second.close()
    await visits(one_log, 550, 100)  # fifty of them are clients' retries
    await caught_up(one_log, first)
    assert sorted(one.events + two.events) == sorted(f"e{number}" for number in range(650))
    assert one.events
    assert two.events
    await one_log.close()
    await two_log.close()


async def test_the_same_event_under_two_keys_is_counted_once(kafka: Cluster, database: Database) -> None:
    one_log, two_log = KafkaLog(target(kafka, "twice")), KafkaLog(target(kafka, "twice"))
    one, two = Counting(), Counting()
    first, second = View(one_log, database, "v", [one]), View(two_log, database, "v", [two])
    await asyncio.gather(first.step(), second.step())
    for key in range(30):
        await one_log.append([Keyed(str(key), encode(did("view_item", event_id=f"e{key % 10}")))])
    await caught_up(one_log, first, second)
    assert sorted(one.events + two.events) == [f"e{number}" for number in range(10)]
    await one_log.close()
    await two_log.close()


async def test_a_withdrawal_in_any_partition_is_seen_by_every_worker(kafka: Cluster, database: Database) -> None:
    yes, no = Consent(ad_storage="granted"), Consent(ad_storage="denied")
    one_log, two_log = KafkaLog(target(kafka, "consents")), KafkaLog(target(kafka, "consents"))
    one, two = ConsentView(one_log, database), ConsentView(two_log, database)
    names = [f"s{number}" for number in range(40)]
    await one_log.append([Keyed(name, encode(ConsentChange("shop", 1, name, yes))) for name in names])
    await one.refresh()
    await two.refresh()
    assert {name: two.latest("shop", name) for name in names} == dict.fromkeys(names, yes)
    await one_log.append([Keyed(name, encode(ConsentChange("shop", 2, name, no))) for name in names])
    await one.refresh()
    await two.refresh()
    for view in (one, two):
        assert {name: view.latest("shop", name) for name in names} == dict.fromkeys(names, no)
    await one_log.close()
    await two_log.close()


async def test_a_rebuild_waits_until_nobody_else_follows(kafka: Cluster, database: Database) -> None:
    log = KafkaLog(target(kafka, "rebuild"))
    part = Counting()
    view = View(log, database, "v", [part])
    await visits(log, 0, 20)
    await caught_up(log, view)
    await view.rebuild()
    await caught_up(log, view)
    assert sorted(part.events) == sorted(f"e{number}" for number in range(20))
    await log.close()
