"""A replay sends again through the same decisions, and the ledger says what was opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rekindle.egress.replay import REPLAYED, Replay
from rekindle.engines.database import Database
from rekindle.engines.log import Entry
from rekindle.model.outcome import Outcome
from rekindle.privacy import ledger
from tests.conftest import FakeClock
from tests.egress.world import World, error

DAY = 86_400_000


@pytest.fixture
async def world(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[World]:
    made = World(tmp_path, database, clock)
    yield made
    await made.close()


def replay(world: World, *only: Outcome) -> Replay:
    return Replay(world.database, world.ledger, world.clock, "shop", "meta", "anna", only)


async def everything(world: World) -> list[Entry]:
    return list(await world.log.tail((0, 0), 10_000))


async def test_delivered_events_go_again_with_their_ids_and_are_counted_once(world: World) -> None:
    names = await world.happen(5)
    await world.run()
    assert replay(world).open(await everything(world), 0, 2**60) == 5
    assert world.counts() == {f"waiting/{REPLAYED}": 5}
    await world.run()
    assert sorted(world.platform.sent) == sorted(names * 2)
    assert world.counts() == {"delivered/ok": 5}
    lines = [one.line for one in ledger.lines(world.database, "shop", kind="decision") if one.line.action == "replay"]
    assert {line.event_id for line in lines} == set(names)
    assert {(line.actor, line.destination, line.facts["before"]) for line in lines} == {("anna", "meta", "delivered")}


async def test_only_the_time_that_was_asked_for(world: World) -> None:
    await world.happen(2)
    world.clock.advance(1000)
    start = world.clock()
    late = await world.happen(2)
    await world.run()
    assert replay(world).open(await everything(world), start, start + 1) == 2
    await world.run()
    assert sorted(world.platform.sent)[-2:] == sorted(late) or world.platform.sent[-2:] == late


async def test_who_withdrew_since_is_not_sent_again(world: World) -> None:
    await world.happen(3)
    await world.run()
    sent = len(world.platform.sent)
    await world.withdraw()
    assert replay(world).open(await everything(world), 0, 2**60) == 3
    await world.run()
    assert len(world.platform.sent) == sent
    assert {name.partition("/")[0] for name in world.counts()} == {"filtered"}


async def test_the_platforms_window_holds_for_a_replay(world: World) -> None:
    await world.happen(2)
    await world.run()
    sent = len(world.platform.sent)
    world.clock.advance(40 * DAY)
    replay(world).open(await everything(world), 0, 2**60)
    await world.run()
    assert len(world.platform.sent) == sent
    assert {name.partition("/")[0] for name in world.counts()} == {"expired"}


async def test_dead_letters_alone_can_be_opened(world: World) -> None:
    await world.happen(1, event_id="bad")
    world.platform.answer = lambda events: error(100)
    await world.run()
    world.platform.answer = type(world.platform)().answer
    await world.happen(1, event_id="good")
    await world.run()
    assert world.counts() == {"dead/platform-refused": 1, "delivered/ok": 1}
    entries = await everything(world)
    assert replay(world, Outcome.DEAD).open(entries, 0, 2**60, dry=True) == 1
    assert world.counts() == {"dead/platform-refused": 1, "delivered/ok": 1}
    assert replay(world, Outcome.DEAD).open(entries, 0, 2**60) == 1
    await world.run()
    assert world.counts() == {"delivered/ok": 2}
    assert world.platform.sent.count("good") == 1


async def test_what_waits_already_is_left_alone(world: World) -> None:
    await world.happen(1)
    world.platform.answer = lambda events: error(1, status=500)
    await world.run(20)
    assert replay(world).open(await everything(world), 0, 2**60) == 0


async def test_another_shops_events_are_not_touched(world: World) -> None:
    await world.happen(1, workspace="other", subject="s9")
    assert replay(world).open(await everything(world), 0, 2**60) == 0
