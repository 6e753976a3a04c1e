"""An event can be explained from its arrival to the platform's answer."""

from rekindle.egress.trace import trace
from tests.egress.world import DENIED, World, error


async def test_the_way_of_a_delivered_event(world: World):
    await world.happen(3, items=["A1", "B2"])
    await world.run()
    found = await trace(world.database, world.log, "shop", "e2")
    assert (found.found, found.event, found.item_ids) == (True, "view_item", ["A1", "B2"])
    assert found.received_ms == world.clock()
    assert found.consent is not None
    assert found.consent.ad_user_data == "granted"
    (passage,) = found.passages
    assert (passage.outcome.outcome, passage.outcome.trace, passage.next_ms) == ("delivered", "TRACE", 0)
    assert [line.line.facts["basis"] for line in passage.sends] == ["consent_mode"]
    assert [line.line.facts["trace"] for line in passage.answers] == ["TRACE"]
    assert "anna" not in repr(found)


async def test_the_way_of_one_that_waits_and_of_one_that_was_refused(world: World):
    world.platform.answer = lambda events: error(2, status=500)
    await world.happen(1)
    await world.happen(1, consent=DENIED, subject="s2")
    await world.run()
    waits = await trace(world.database, world.log, "shop", "e1")
    assert waits.passages[0].next_ms >= world.clock()
    assert waits.passages[0].outcome.outcome == "waiting"
    refused = await trace(world.database, world.log, "shop", "e2")
    assert refused.passages[0].outcome.outcome == "filtered"
    assert refused.passages[0].sends == []


async def test_before_any_destination_saw_it_and_of_other_shops(world: World):
    await world.happen(2)
    early = await trace(world.database, world.log, "shop", "e1")
    assert (early.event, early.passages) == ("view_item", [])
    assert not (await trace(world.database, world.log, "other", "e1")).found
    assert not (await trace(world.database, world.log, "shop", "nobody")).found
