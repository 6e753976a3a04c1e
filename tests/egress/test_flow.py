"""How many requests at once: found by asking, less when it is too much, and never beyond a quota."""

import asyncio
import json

import pytest

from rekindle.egress._flow import Flow
from rekindle.egress.connector import Answer
from rekindle.privacy.ledger import LedgerUnavailable
from tests.egress.world import World, error, ok


def round_trip(flow: Flow, took_ms: int = 50, count: int | None = None) -> None:
    """Fill the limit with requests and answer them all well."""
    flights = [flow.begin() for _ in range(count or flow.limit)]
    for flight in flights:
        flight.took_ms = took_ms
        flow.end()
        flow.well(flight)


def grown(most: int = 8) -> Flow:
    flow = Flow(most)
    for _ in range(100):
        round_trip(flow)
    assert flow.limit == most
    return flow


def test_the_limit_starts_at_one_and_grows_only_when_it_is_reached():
    flow = Flow(8)
    assert flow.limit == 1
    round_trip(flow)
    assert flow.limit == 2
    for _ in range(20):
        round_trip(flow, count=1)
    assert flow.limit == 2


def test_a_failure_takes_a_tenth_and_too_much_takes_half():
    flow = grown()
    flight = flow.begin()
    flow.badly(flight, throttled=False)
    assert flow.limit == 7
    flow = grown()
    flow.badly(flow.begin(), throttled=True)
    assert flow.limit == 4


def test_the_limit_doubles_until_it_is_too_much_and_again_after_an_outage():
    flow = Flow(64)
    limits = []
    for _ in range(4):
        limits.append(flow.limit)
        round_trip(flow)
    assert limits == [1, 2, 4, 8]
    flow.badly(flow.begin(), throttled=True)
    flow.end()
    assert flow.limit == 8
    for _ in range(8):
        round_trip(flow)
    assert flow.limit == 9, "from now on one by one"
    while flow.limit > 1:
        flow.badly(flow.begin(), throttled=False)
        flow.end()
    round_trip(flow)
    round_trip(flow)
    assert flow.limit == 4


def test_requests_open_together_shrink_the_limit_once():
    flow = grown()
    flights = [flow.begin() for _ in range(8)]
    assert not flow.late(flights[0])
    for flight in flights:
        flow.badly(flight, throttled=True)
    assert flow.limit == 4
    assert all(flow.late(flight) for flight in flights)
    assert not flow.late(flow.begin())


def test_slow_answers_shrink_the_limit():
    flow = grown()
    slow = flow.begin()
    slow.took_ms = 5_000
    flow.well(slow)
    assert flow.limit == 7


def test_without_leave_nothing_begins_and_a_debt_is_paid_first():
    flow = Flow(64, rationed=True)
    flow._limit = 4.0
    assert (flow.at_once(), flow.lacking) == (0, 4)
    flow.allow(2)
    assert flow.at_once() == 2
    for _ in range(4):
        flow.begin()
    assert (flow.at_once(), flow.lacking) == (0, 6)
    flow.allow(2)
    assert flow.at_once() == 0
    flow.allow(1)
    assert flow.at_once() == 1


class Slow:
    """A platform that does not answer until so many requests are open at once; from then on it does."""

    def __init__(self, world: World, several: int) -> None:
        self.world = world
        self.several = several
        self.open = self.most = 0
        self._seen = asyncio.Event()

    async def send(self, request, limits) -> Answer:
        self.open += 1
        self.most = max(self.most, self.open)
        if self.open >= self.several:
            self._seen.set()
        async with asyncio.timeout(120):  # only a lane that waits for the first answer takes so long
            await self._seen.wait()
        self.open -= 1
        return await self.world.platform.send(request, limits)


async def wide(tmp_path, database, clock, several: int = 3) -> tuple[World, Slow]:
    world = World(tmp_path, database, clock, settings={"batch": 5, "concurrency": 3})
    slow = Slow(world, several)
    world.transport = slow
    await world.restart()
    world.lane._flow._limit = 3.0
    return world, slow


async def test_several_requests_are_open_and_each_event_ends_once(tmp_path, database, clock):
    world, slow = await wide(tmp_path, database, clock)
    names = await world.happen(100)
    await world.run()
    assert slow.most == 3
    assert sorted(world.platform.sent) == sorted(names)
    assert world.counts() == {"delivered/ok": 100}
    await world.close()


async def test_an_answer_that_left_before_the_wait_began_does_not_end_it(tmp_path, database, clock):
    world, _ = await wide(tmp_path, database, clock)
    answers = [ok(5), error(4, status=429, headers={"retry-after": "300"})]
    world.platform.answer = lambda events: answers.pop() if answers else ok(len(events))
    await world.happen(30)
    await world.run()
    tried = len(world.platform.requests)
    assert tried <= 3
    assert world.state() == "throttled"
    await world.run_for(299_000, tick_ms=10_000)
    assert len(world.platform.requests) == tried
    await world.run_for(60_000)
    assert world.counts() == {"delivered/ok": 30}
    await world.close()


@pytest.mark.parametrize("status", [401, 500])
async def test_requests_that_fail_together_are_one_failure_and_one_hold(tmp_path, database, clock, status):
    world, _ = await wide(tmp_path, database, clock)
    world.platform.answer = lambda events: error(190, status=401) if status == 401 else Answer(500)
    await world.happen(15)
    await world.lane.step()
    assert world.state() == ("held" if status == 401 else "running")
    assert sum(world.counts().values()) == 15
    world.platform.answer = lambda events: ok(len(events))
    world.secrets.put("meta_token", "new")
    await world.run_for(3_600_000)
    assert world.counts() == {"delivered/ok": 15}
    await world.close()


async def test_a_fault_of_one_request_keeps_what_the_others_came_to(tmp_path, database, clock, monkeypatch):
    world, _ = await wide(tmp_path, database, clock, several=2)  # of three, one is not sent
    append = world.ledger.append

    def one_fails(lines):
        if any(line.event_id == "e7" for line in lines):
            raise LedgerUnavailable("disk full")
        append(lines)

    await world.happen(15)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "append", one_fails)
        with pytest.raises(LedgerUnavailable):
            await world.lane.step()
    assert world.counts() == {"delivered/ok": 10}
    await world.run()
    assert world.counts() == {"delivered/ok": 15}
    assert len(world.platform.sent) == 15
    assert all(len(json.loads(request.body)["data"]) <= 5 for request in world.platform.requests)
    await world.close()
