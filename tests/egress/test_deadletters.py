"""Dead letters: shown without personal data, and sent again through consent, mapping and windows."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.egress.deadletters import Filter, LetterDesk, Replayed, find, reasons
from rekindle.egress.rehearsal import Rehearsal
from rekindle.privacy import ledger
from rekindle.workspace import Destination, Policy
from tests.egress.world import World, error, ok

DAY = 86_400_000
DEAD = Filter(workspace="shop")


async def dead(world: World, count: int = 3) -> None:
    await world.happen(count)
    world.platform.answer = lambda events: error(100, message="Invalid parameter for anna@example.com")
    await world.run()
    assert world.counts() == {"dead/platform-refused": count}


def desk(world: World, then: Destination | None = None) -> LetterDesk:
    """A desk that knows the account as it is, and as it was before its settings changed (``then``)."""

    def account(_workspace: str, name: str, at_ms: int | None) -> Rehearsal:
        document = then if then is not None and at_ms is not None else world.destination
        return Rehearsal(
            name, document, Policy(), world.module, world.secrets.get, world.consents, world.vault, world.feed_ids
        )

    return LetterDesk(world.database, world.log, world.ledger, world.clock, account)


async def again(world: World) -> Replayed:
    return await desk(world).replay(DEAD, "anna", 100)


async def test_they_are_found_by_filter_with_the_platforms_words_masked(world: World):
    await dead(world)
    found = find(world.database, Filter(workspace="shop", destination="meta", reason="platform-refused"), 10)
    assert {each.event_id for each in found} == {"e1", "e2", "e3"}
    assert "anna" not in found[0].detail
    assert "Invalid parameter" in found[0].detail
    for other in ({"destination": "x"}, {"reason": "x"}, {"event_id": "e9"}, {"outcome": "invalid"}):
        assert not find(world.database, Filter(workspace="shop", **other), 10)  # type: ignore[arg-type]
    assert not find(world.database, Filter(workspace="other"), 10)


async def test_what_is_shown_names_nobody(world: World):
    await dead(world, 1)
    (letter,) = await desk(world).show(Filter(workspace="shop", event_id="e1"), 10)
    assert letter.record is not None
    assert letter.record["ecommerce"]["items"][0]["item_id"] == "A1"
    text = str(letter)
    assert "anna" not in text
    assert "203.0.113.9" not in text


async def test_the_payload_is_shown_as_the_platform_saw_it_and_as_it_would_now(world: World):
    then = msgspec.structs.replace(world.destination, settings=world.destination.settings | {"default_region": "PL"})
    await dead(world, 1)
    (letter,) = await desk(world, then).show(Filter(workspace="shop", event_id="e1"), 10)
    assert letter.before is not None
    assert letter.after is not None
    assert letter.before.outcome == letter.after.outcome == "send"
    seen = letter.before.body
    assert seen["event_name"] == "ViewContent"
    assert seen["custom_data"]["content_ids"] == ["A1"]
    assert seen["user_data"] == {
        "em": ["(a hash)"], "client_ip_address": "(11 characters)", "client_user_agent": "(11 characters)",
    }  # fmt: skip
    assert "Invalid parameter" in letter.outcome.detail


async def test_nothing_is_shown_of_who_withdrew_or_was_erased(world: World):
    await dead(world, 1)
    await world.withdraw("s1")
    await world.consents.refresh()
    (letter,) = await desk(world).show(DEAD, 10)
    assert letter.after is not None
    assert (letter.after.outcome, letter.after.reason, letter.after.body) == ("filtered", "consent-withdrawn", None)
    assert letter.before is not None
    assert letter.before.body is None


async def test_an_account_that_cannot_be_configured_says_so(world: World):
    await dead(world, 1)
    world.secrets.delete("meta_token")
    (letter,) = await desk(world).show(DEAD, 10)
    assert letter.after is not None
    assert (letter.after.outcome, letter.after.reason) == ("held", "credentials")
    assert "meta_token" in letter.after.detail


async def test_they_are_chosen_by_the_time_they_ended(world: World):
    await dead(world, 1)
    ended = find(world.database, DEAD, 1)[0].updated_ms
    for since, until, count in ((ended, None, 1), (ended + 1, None, 0), (None, ended, 0), (None, ended + 1, 1)):
        chosen = Filter(workspace="shop", since_ms=since, until_ms=until)
        assert len(find(world.database, chosen, 10)) == count
        assert reasons(world.database, chosen) == ({("meta", "platform-refused"): 1} if count else {})


async def test_after_the_repair_they_go_the_whole_way_again(world: World):
    await dead(world)
    world.platform.answer = lambda events: ok(len(events))
    done = await again(world)
    assert (done.again, done.gone) == (3, 0)
    assert world.counts() == {"waiting/replayed": 3}
    sent = len(world.platform.requests)
    await world.run()
    assert world.counts() == {"delivered/ok": 3}
    assert len(world.platform.requests) == sent + 1
    assert (await again(world)).again == 0
    lines = [one.line for one in ledger.lines(world.database, "shop", kind="decision") if one.line.action == "replay"]
    assert {(line.actor, line.destination, line.event_id) for line in lines} == {
        ("anna", "meta", name) for name in ("e1", "e2", "e3")
    }


async def test_who_withdrew_meanwhile_is_not_sent_and_who_was_erased_neither(world: World):
    await dead(world, 1)
    await world.happen(1, subject="s2")
    await world.run()
    await world.withdraw("s1")
    world.vault.destroy("shop", "s2")
    before = len(world.platform.requests)
    await again(world)
    await world.run()
    assert world.counts() == {"filtered/consent-withdrawn": 1, "filtered/erased": 1}
    assert len(world.platform.requests) == before


async def test_the_window_is_looked_at_again(world: World):
    await dead(world, 1)
    world.clock.advance(8 * DAY)
    await again(world)
    await world.run()
    assert world.counts() == {"expired/window-passed": 1}


async def test_what_the_log_has_no_more_stays_as_it_was(world: World):
    await dead(world, 2)
    world.clock.advance(100 * DAY)
    await world.log.trim(world.clock())
    done = await again(world)
    assert (done.again, done.gone) == (0, 2)
    assert world.counts() == {"dead/platform-refused": 2}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    done = CliRunner().invoke(main, ["init", str(folder), "--name", "shop"])
    assert done.exit_code == 0, done.output
    return folder


def test_the_commands_say_so_when_there_are_none(shop: Path):
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["deadletters", *words, "-w", str(shop)])
        return done.exit_code, done.output

    assert run("list") == (0, "0 dead letter(s)\n")
    assert run("replay", "--destination", "meta")[1] == "There is nothing to send again.\n"
    status, told = run("show", "e1")
    assert status == 1
    assert "explain e1" in told
