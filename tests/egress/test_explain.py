"""`rekindle explain` says an event's way in words."""

from pathlib import Path

from click.testing import CliRunner

from rekindle.cli import main
from rekindle.cli.explain import in_words
from rekindle.console.words import Words
from rekindle.egress.connector import Answer
from rekindle.egress.trace import trace
from tests.egress.world import DENIED, World, error, ok


async def say(world: World, event_id: str) -> str:
    found = await trace(world.database, world.log, "shop", event_id)
    return "\n".join(in_words(found, Words("en")))


async def test_delivered(world: World):
    await world.happen(1, items=["A1"])
    await world.run()
    told = await say(world, "e1")
    assert "e1: view_item in shop" in told
    assert "items A1" in told
    assert "ad_user_data granted" in told
    assert "meta: delivered" in told
    assert "left on the basis of consent_mode" in told
    assert "answer to the request: 1 delivered, the platform's trace TRACE" in told


async def test_refused_by_consent_and_waiting(world: World):
    await world.happen(1, consent=DENIED)
    world.platform.answer = lambda events: error(190, message="expired for anna@example.com")
    await world.happen(1, subject="s2")
    await world.run()
    refused = await say(world, "e1")
    assert "meta: filtered: personal ads were refused (ad_personalization) (ad-personalization-denied)" in refused
    assert "what to do: Nothing is to be done while the visitor's choice stands." in refused
    told = await say(world, "e2")
    assert "meta: held: the account does not let us in (credentials)" in told
    assert "expired for [e-mail]" in told
    assert "next try" in told


async def test_a_hold_is_named_with_its_remedy_also_where_the_event_was_not_read_yet(world: World):
    world.platform.answer = lambda events: error(190, message="expired for anna@example.com")
    await world.happen(1)
    await world.run()
    await world.happen(1, subject="s2")
    for name in ("e1", "e2"):
        told = await say(world, name)
        assert "meta is on hold since 20" in told
        assert "expired for [e-mail]" in told
        assert "rekindle secrets set" in told
    world.platform.answer = lambda events: ok(len(events))
    world.secrets.put("meta_token", "new")
    await world.run_for(60_000)
    assert "on hold" not in await say(world, "e2")


async def test_a_platform_that_does_not_answer_is_named(world: World):
    await world.happen(1)
    await world.run()
    world.platform.answer = lambda events: Answer(500)
    await world.happen(1, subject="s2")
    await world.run_for(300_000, tick_ms=10_000)
    assert "meta does not answer since 20" in await say(world, "e2")
    assert "does not answer" not in await say(world, "e1"), "it had passed before"


def test_an_unknown_event_of_a_new_shop(tmp_path: Path):
    folder = tmp_path / "shop"
    made = CliRunner().invoke(main, ["init", str(folder)])
    assert made.exit_code == 0, made.output
    found = CliRunner().invoke(main, ["explain", "nobody", "-w", str(folder)])
    assert found.exit_code == 1
    assert "knows no event 'nobody'" in found.output


async def test_each_try_has_its_own_answer(world: World):
    world.platform.answer = lambda events: error(2, status=503, message="unavailable")
    await world.happen(1)
    await world.run()
    world.platform.answer = lambda events: ok(len(events))
    await world.run_for(600_000)
    told = await say(world, "e1")
    lines = told.splitlines()
    tries = [number for number, line in enumerate(lines) if " left on the basis of " in line]
    assert len(tries) >= 2
    answers = [lines[number + 1] for number in tries]
    assert all(": 1 retry" in answer for answer in answers[:-1])
    assert ": 1 delivered" in answers[-1]
    assert len(set(answers)) == len(tries)
