"""A lane: every event comes to one outcome, whatever the platform does."""

import json

import pytest

from rekindle.egress import prune, status
from rekindle.egress.connector import Answer
from rekindle.egress.http import TransportFailed
from rekindle.egress.lane import consumer_name
from rekindle.privacy.ledger import LedgerUnavailable, lines
from rekindle.privacy.suppression import Suppression
from tests.egress.world import DENIED, World, error, ok

DAY = 86_400_000


async def test_granted_events_are_delivered_in_one_request_with_a_ledger_line_each(world: World):
    names = await world.happen(3)
    await world.run()
    assert world.counts() == {"delivered/ok": 3}
    assert len(world.platform.requests) == 1
    assert world.platform.sent == names
    found = lines(world.database, "shop", kind="send")
    assert sorted(line.line.event_id for line in found if line.line.event_id) == names
    assert [line.line.facts["results"] for line in found if line.line.action == "answer"] == [{"delivered": 3}]
    assert "anna" not in repr(found)


async def test_old_outcomes_go_and_the_sums_stay(world: World):
    def down(events):
        raise TransportFailed("reset")

    await world.happen(2)
    await world.run()
    world.platform.answer = down
    waiting = await world.happen(1)
    await world.run()
    before = world.counts()
    later = world.clock() + 1
    gone = await world.database.run(lambda connection: prune(connection, "shop", later))
    assert gone == 2
    assert world.counts() == before
    assert status.event_outcomes(world.database, "shop", waiting[0]) != []


async def test_who_is_suppressed_by_any_of_their_names_is_sent_nothing(world: World):
    Suppression(world.database).add("shop", "s_login", "erasure", world.clock())
    Suppression(world.database).add("shop", "s2", "erasure", world.clock())
    Suppression(world.database).add("other", "s3", "erasure", world.clock())
    await world.happen(2, subject="s1", also=["s_login"])
    await world.happen(1, subject="s2")
    (left,) = await world.happen(1, subject="s3")
    await world.run()
    assert world.counts() == {"filtered/suppressed": 3, "delivered/ok": 1}
    assert world.platform.sent == [left]


async def test_what_does_not_leave_is_counted_by_reason(world: World):
    await world.happen(1)
    await world.happen(2, consent=DENIED)
    await world.happen(1, name="view_cart")
    await world.happen(1, age_ms=8 * DAY)
    await world.happen(1, age_ms=-DAY)
    await world.happen(5, workspace="other")
    await world.run()
    counts = world.counts()
    assert counts.pop("delivered/ok") == 1
    assert counts.pop("filtered/not-mapped") == 1
    assert counts.pop("expired/window-passed") == 1
    assert counts.pop("invalid/in-future") == 1
    assert sum(counts.values()) == 2
    assert all(name.startswith("filtered/") for name in counts)
    assert len(world.platform.sent) == 1


async def test_a_withdrawal_overtakes_what_is_queued(world: World):
    def down(events):
        raise TransportFailed("reset")

    world.platform.answer = down
    await world.happen(2)
    await world.run()
    world.platform.answer = lambda events: ok(len(events))
    tried = len(world.platform.requests)
    await world.withdraw()
    await world.run_for(3_600_000)
    assert len(world.platform.requests) == tried
    assert world.counts() == {"filtered/consent-withdrawn": 2}


async def test_erased_people_are_not_sent(world: World):
    await world.happen(1)
    world.vault.destroy("shop", "s1")
    await world.run()
    assert world.counts() == {"filtered/erased": 1}
    assert not world.platform.requests


@pytest.mark.parametrize("named", [True, False])
async def test_one_bad_event_of_a_thousand_does_not_cost_the_others(world: World, named: bool):
    names = await world.happen(1000)
    bad = names[637]

    def all_or_nothing(events):
        for index, event in enumerate(events):
            if event["event_id"] == bad:
                place = f"data[{index}]" if named else "data"
                return error(100, message=f"Invalid parameter {place} for anna@example.com")
        return ok(len(events))

    world.platform.answer = all_or_nothing
    await world.run()
    assert world.counts() == {"delivered/ok": 999, "dead/platform-refused": 1}
    (dead,) = status.dead_letters(world.database, "shop")
    assert dead.event_id == bad
    assert "Invalid parameter" in dead.detail
    assert "anna" not in dead.detail
    assert len(world.platform.requests) <= (2 if named else 22)


async def test_nothing_but_bad_events_end_with_few_requests_a_step(world: World):
    world.platform.answer = lambda events: error(100)
    await world.happen(150)
    for _ in range(40):
        before = len(world.platform.requests)
        if not await world.lane.step():
            break
        assert len(world.platform.requests) - before <= 128
    await world.run()
    assert world.counts() == {"dead/platform-refused": 150}


async def test_a_dead_token_holds_everything_and_goes_on_when_the_secret_changes(world: World):
    world.platform.answer = lambda events: error(190, status=401)
    await world.happen(3)
    await world.run()
    assert world.state() == "held"
    assert world.counts() == {"held/credentials": 3}
    await world.happen(2000)
    await world.run_for(1_800_000)
    assert len(world.platform.requests) <= 4, "one event now and then, no more"
    assert sum(world.counts().values()) <= 3 + 4

    world.platform.answer = lambda events: ok(len(events))
    world.secrets.put("meta_token", "new")
    await world.run_for(60_000)
    assert world.state() == "running"
    assert world.counts() == {"delivered/ok": 2003}
    assert world.platform.requests[-1].headers["authorization"] == "Bearer new"


async def test_after_a_new_secret_a_new_trouble_is_told_as_what_it_is(world: World):
    world.platform.answer = lambda events: error(190, status=401)
    await world.happen(1)
    await world.run()

    def down(events):
        raise TransportFailed("the host's name was not found")

    world.platform.answer = down
    world.secrets.put("meta_token", "new")
    await world.run_for(60_000)
    (found,) = status.status(world.database, "shop")
    assert found.state == "open"
    assert found.words == "no answer: the host's name was not found"


async def test_a_token_repaired_at_the_platform_is_noticed_without_a_new_secret(world: World):
    world.platform.answer = lambda events: error(190)
    await world.happen(3)
    await world.run()
    world.platform.answer = lambda events: ok(len(events))
    await world.run_for(1_000_000)
    assert world.counts() == {"delivered/ok": 3}


async def test_a_missing_secret_holds_the_lane_and_says_which(world: World):
    token = world.secrets.values.pop("meta_token")
    await world.happen(1)
    await world.run()
    (found,) = status.status(world.database, "shop", await world.log.lag())
    assert (found.state, found.backlog) == ("held", 1)
    assert "meta_token" in found.words
    world.secrets.put("meta_token", token)
    await world.run_for(60_000)
    assert world.counts() == {"delivered/ok": 1}


async def test_retry_after_is_a_floor_and_costs_no_attempt(world: World):
    answers = [error(4, status=429, headers={"retry-after": "300"})]
    world.platform.answer = lambda events: answers.pop() if answers else ok(len(events))
    start = world.clock()
    await world.happen(2)
    await world.run()
    assert world.state() == "throttled"
    await world.run_for(299_000, tick_ms=10_000)
    assert len(world.platform.requests) == 1
    await world.run_for(60_000)
    assert world.counts() == {"delivered/ok": 2}
    assert world.clock() - start < 400_000
    assert {each.attempts for each in status.event_outcomes(world.database, "shop", "e1")} == {1}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, {}, b"<html>Bad gateway</html>"),
        Answer(200, {}, b""),
        Answer(200, {}, b'{"events_recei'),
        Answer(200, {}, b"[]"),
        Answer(200, {}, b"\xff\xfe\x00"),
        Answer(200, {}, b'{"error": "what"}'),
        Answer(500, {}, b'{"error": {"code": 2, "message": "wait"}}'),
        Answer(400, {}, b'{"error": {"code": 424242}}'),
    ],
)
async def test_an_answer_nobody_can_read_is_tried_again(world: World, answer: Answer):
    answers = [answer]
    world.platform.answer = lambda events: answers.pop() if answers else ok(len(events))
    await world.happen(2)
    await world.run()
    assert world.counts() == {"waiting/no-answer": 2}
    await world.run_for(120_000)
    assert world.counts() == {"delivered/ok": 2}


async def test_a_platform_that_is_down_gets_a_probe_now_and_then_and_everything_afterwards(world: World):
    def down(events):
        raise TransportFailed("refused")

    world.platform.answer = down
    await world.happen(3000)
    await world.run()
    await world.run_for(DAY // 4, tick_ms=300_000)
    assert world.state() == "open"
    assert len(world.platform.requests) < 200
    (found,) = status.status(world.database, "shop", await world.log.lag())
    assert found.backlog + sum(found.counts.values()) - found.waiting == 3000
    world.platform.answer = lambda events: ok(len(events))
    await world.run_for(3_600_000)
    assert world.counts() == {"delivered/ok": 3000}


async def test_what_waits_longer_than_the_window_expires(world: World):
    def down(events):
        raise TransportFailed("refused")

    world.platform.answer = down
    await world.happen(4)
    await world.run_for(8 * DAY, tick_ms=3_600_000)
    world.platform.answer = lambda events: ok(len(events))
    await world.run_for(3_600_000)
    assert world.counts() == {"expired/window-passed": 4}


async def test_an_event_that_always_upsets_the_platform_ends_alone(world: World):
    def upset(events):
        return Answer(500) if any(event["event_id"] == "e5" for event in events) else ok(len(events))

    world.platform.answer = upset
    await world.happen(20)
    await world.run_for(1_800_000, tick_ms=30_000)
    for _ in range(10):
        await world.happen(5)
        await world.run_for(1_800_000)
    counts = world.counts()
    assert counts == {"delivered/ok": 69, "dead/retries-spent": 1}


async def test_a_crash_between_send_and_commit_counts_nothing_twice(world: World):
    await world.happen(3)
    await world.lane.step()
    # The cursor is put back by hand, as if the machine had died before the commit.
    await world.lane.close()
    await world.log.forget(consumer_name("shop", "meta"))
    await world.restart()
    await world.happen(2)
    await world.run()
    assert world.counts() == {"delivered/ok": 5}
    assert len(world.platform.sent) == 5


async def test_the_same_event_twice_in_the_log_is_one(world: World):
    await world.happen(2, event_id="same")
    await world.run()
    await world.happen(1, event_id="same")
    await world.run()
    assert world.platform.sent == ["same"]
    assert world.counts() == {"delivered/ok": 1}


async def test_nothing_leaves_while_the_ledger_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch):
    def broken(lines):
        raise LedgerUnavailable("disk full")

    await world.happen(2)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "append", broken)
        with pytest.raises(LedgerUnavailable):
            await world.lane.step()
    assert not world.platform.requests
    await world.run()
    assert world.counts() == {"delivered/ok": 2}


class OneFeed:
    def channels(self, workspace):
        return ["meta"]

    def missing(self, workspace, feed, item_ids):
        return {name: "unknown" for name in item_ids if name.startswith("X")}


@pytest.mark.parametrize("unknown_ids", ["drop", "reject"])
async def test_ids_that_no_feed_holds_are_left_out_or_refused_and_counted(tmp_path, database, clock, unknown_ids):
    world = World(tmp_path, database, clock, feed="meta", feed_ids=OneFeed(), settings={"unknown_ids": unknown_ids})
    await world.happen(1, items=["A1", "X9"])
    await world.happen(1, items=["A1"])
    await world.run()
    sent = [event["custom_data"]["content_ids"] for event in json.loads(world.platform.requests[0].body)["data"]]
    (found,) = status.status(database, "shop")
    assert found.item_ids == {"ok": 2, "unknown": 1}
    if unknown_ids == "drop":
        assert sent == [["A1"], ["A1"]]
        assert world.counts() == {"delivered/ok": 2}
    else:
        assert sent == [["A1"]]
        assert world.counts() == {"delivered/ok": 1, "invalid/id-not-in-feed": 1}
    await world.close()


async def test_a_budget_of_requests_is_kept(tmp_path, database, clock):
    world = World(tmp_path, database, clock, settings={"per_second": 0.1, "batch": 1})
    await world.happen(5)
    await world.run()
    assert len(world.platform.requests) == 1
    await world.run_for(60_000, tick_ms=1_000)
    assert world.counts() == {"delivered/ok": 5}
    await world.close()


async def test_a_record_nobody_can_read_stops_nothing(world: World):

    await world.happen(1)
    await world.lane.step()
    entries = await world.log.tail(None, 1)
    broken = entries[0]._replace(value=b"\xc1")
    assert await world.lane._new([broken]) == []
    assert world.lane.unreadable == 1
