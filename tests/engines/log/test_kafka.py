"""The Kafka log: the conformance suite on three real brokers, and what only several members can do wrong."""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest
from hypothesis import HealthCheck, settings
from tools.kafka import Cluster

from rekindle.engines.log import Entry, Keyed, Log
from rekindle.engines.log.kafka import KafkaLog, KafkaTarget
from tests.conftest import FakeClock
from tests.engines.log.conformance import LogConformance, Opener, drain, keyed, texts
from tests.engines.log.machine import LogMachine

pytestmark = pytest.mark.cluster
_numbers = itertools.count()


def fresh_target(kafka: Cluster) -> KafkaTarget:
    return KafkaTarget(servers=kafka.bootstrap, topic=f"log-{os.getpid()}-{next(_numbers)}", partitions=3)


@pytest.fixture
def target(kafka: Cluster) -> KafkaTarget:
    return fresh_target(kafka)


class TestConformance(LogConformance):
    @pytest.fixture
    def opener(self, target: KafkaTarget, clock: FakeClock) -> Opener:
        async def open_log() -> Log:
            return KafkaLog(target, clock=clock)

        return open_log


def test_against_a_list(kafka: Cluster) -> None:
    class KafkaMachine(LogMachine):
        def __init__(self) -> None:
            self.target = fresh_target(kafka)
            super().__init__()

        async def open_log(self, clock: FakeClock) -> Log:
            return KafkaLog(self.target, clock=clock)

    case = KafkaMachine.TestCase
    case.settings = settings(
        max_examples=3,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    case().runTest()


async def spread(log: Log, count: int) -> None:
    await log.append([Keyed(f"visitor {number}", str(number).encode()) for number in range(count)])


async def test_two_members_share_the_partitions_and_read_everything_once(target: KafkaTarget) -> None:
    log, other = KafkaLog(target), KafkaLog(target)
    one = await log.consumer("views")
    two = await other.consumer("views")
    async with asyncio.timeout(30):
        while not (one.owned and two.owned and len(one.owned | two.owned) == 3 and not one.owned & two.owned):
            await asyncio.sleep(0.1)
    await spread(log, 300)
    first, second = await drain(one), await drain(two)
    assert {entry.partition for entry in first} == one.owned
    assert sorted(map(int, texts(first + second))) == list(range(300))
    await log.close()
    await other.close()


async def test_a_partition_that_moves_is_read_again_from_its_cursor(target: KafkaTarget) -> None:
    log, other = KafkaLog(target), KafkaLog(target)
    one = await log.consumer("views")
    await spread(log, 300)
    before = await drain(one)
    done = {entry.partition: entry for entry in before[:150]}
    for entry in done.values():
        await one.commit(entry)
    two = await other.consumer("views")
    await one.close()
    async with asyncio.timeout(30):
        while len(two.owned) < 3:
            await asyncio.sleep(0.1)
    after = await drain(two)
    reached = {entry.partition: entry.offset for entry in done.values()}
    assert sorted(after) == sorted(entry for entry in before if entry.offset > reached.get(entry.partition, -1))
    await log.close()
    await other.close()


async def test_a_member_that_lost_a_partition_moves_no_cursor(target: KafkaTarget) -> None:
    log, other = KafkaLog(target), KafkaLog(target)
    one = await log.consumer("views")
    await spread(log, 60)
    entries = await drain(one)
    two = await other.consumer("views")
    async with asyncio.timeout(30):
        while len(one.owned) == 3 or not two.owned:
            await asyncio.sleep(0.1)
    lost = next(entry for entry in reversed(entries) if entry.partition in two.owned)
    await one.commit(lost)
    assert {entry.partition for entry in await drain(two)} == two.owned
    await log.close()
    await other.close()


async def test_members_that_do_not_share_each_read_all(target: KafkaTarget) -> None:
    log, other = KafkaLog(target), KafkaLog(target)
    one = await log.consumer("consents", share=False)
    two = await other.consumer("consents", share=False)
    await spread(log, 100)
    mine, theirs = await drain(one), await drain(two)
    assert len(mine) == len(theirs) == 100
    for entry in {entry.partition: entry for entry in mine}.values():
        await one.commit(entry)
    (lag,) = await log.lag()
    assert (lag.consumer, lag.records) == ("consents", 0)
    third = await log.consumer("consents", share=False)
    assert await drain(third) == []
    await log.close()
    await other.close()


async def test_a_members_silence_does_not_hold_up_the_others(target: KafkaTarget) -> None:
    log, other = KafkaLog(target), KafkaLog(target)
    silent = await log.consumer("lane")
    two = await other.consumer("lane")
    async with asyncio.timeout(15):
        while not two.owned or len(silent.owned) == 3:
            await asyncio.sleep(0.1)
    await log.close()
    await other.close()


async def test_tail_follows_every_partition(target: KafkaTarget) -> None:
    log = KafkaLog(target)
    await spread(log, 30)
    places: dict[int, int] = {}
    now = await log.ends()
    found: list[Entry] = []
    while got := await log.tail(places, 7):
        found += got
        places |= {entry.partition: entry.offset for entry in got}
    assert sorted(map(int, texts(found))) == list(range(30))
    assert places == {number: offset for number, offset in now.items() if offset >= 0}
    assert await log.tail(now, 9) == []
    one = found[4]
    assert await log.tail((one.partition, one.offset - 1), 1) == [one]
    await log.close()


async def test_what_nobody_understands_is_set_aside_once(target: KafkaTarget) -> None:
    log = KafkaLog(target)
    await log.append(keyed("?"))
    (entry,) = await log.tail(None, 1)
    await log.set_aside(entry, "profiles")
    await log.close()
    aside = KafkaLog(KafkaTarget(servers=target.servers, topic=target.dead_letters))
    assert texts(await aside.tail(None, 10)) == ["?"]
    await aside.close()


async def test_one_broker_of_three_may_die_while_events_come(kafka: Cluster, target: KafkaTarget) -> None:
    log = KafkaLog(target)
    reading = await log.consumer("views")
    acknowledged: list[str] = []

    async def client(name: int) -> None:
        for number in range(60):
            await log.append(keyed(f"{name}.{number}", key=str(name)))
            acknowledged.append(f"{name}.{number}")
            await asyncio.sleep(0.05)

    clients = asyncio.gather(*(client(name) for name in range(8)))
    await asyncio.sleep(0.5)
    kafka.kill(2)
    try:
        await clients
        await log.check()
        found = texts(await drain(reading))
    finally:
        kafka.restart(2)
        await asyncio.to_thread(kafka.wait)
    assert len(found) == len(set(found)), "the idempotent producer doubles nothing"
    assert set(acknowledged) == set(found)
    await log.close()
