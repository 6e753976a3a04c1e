"""When a lane tries again: never before the platform's own wait, and soon after an outage however long it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from rekindle.egress import _pace
from rekindle.egress._store import LaneState
from rekindle.egress.http import TransportFailed
from tests.egress.world import World, error, ok

DAY = 86_400_000


@given(failures=st.integers(0, 100_000), floor=st.integers(0, 3_600_000), draw=st.floats(0, 1, exclude_max=True))
def test_an_open_breaker_tries_within_half_a_minute_of_what_the_platform_asks(failures: int, floor: int, draw: float):
    state = LaneState(state="open", failures=failures, since_ms=1)
    after = _pace.failed(state, 1_000, "down", floor, lambda: draw)
    assert (after.state, after.failures, after.since_ms) == ("open", failures + 1, 1)
    assert max(floor, _pace.BASE_MS) <= after.next_ms - 1_000 < max(floor, _pace.BASE_MS) + _pace.PROBE_MS


@given(attempts=st.integers(0, 50), floor=st.integers(0, 3_600_000), draw=st.floats(0, 1, exclude_max=True))
def test_an_events_wait_is_full_jitter_on_top_of_the_floor(attempts: int, floor: int, draw: float):
    wait = _pace.backoff_ms(attempts, floor, lambda: draw)
    assert floor <= wait < floor + min(_pace.CAP_MS, _pace.BASE_MS << min(attempts, 20))


def down(events: object) -> None:
    raise TransportFailed("refused")


async def test_after_two_days_of_outage_everything_leaves_within_a_minute(world: World):
    world.platform.answer = down
    await world.happen(3_000)
    await world.run_for(2 * DAY, tick_ms=1_800_000)
    assert world.state() == "open"
    with capture_logs() as told:
        world.platform.answer = lambda events: ok(len(events))
        await world.run_for(60_000, tick_ms=1_000)
    assert world.counts() == {"delivered/ok": 3_000}
    released = [line for line in told if line["event"] == "lane released"]
    assert [(line["destination"], line["after"]) for line in released] == [("meta", "open")]
    assert released[0]["seconds"] > 47 * 3_600


async def test_while_it_is_down_one_event_at_a_time_is_risked(world: World):
    world.platform.answer = down
    await world.happen(500)
    await world.run_for(60_000, tick_ms=1_000)
    before = len(world.platform.requests)
    await world.run_for(3_600_000, tick_ms=1_000)
    probes = world.platform.requests[before:]
    assert all(len(request.event_ids) == 1 for request in probes)
    assert 120 <= len(probes) <= 600, "one each 1 to 31 seconds, 16 on average"


async def test_a_hold_and_its_end_are_told_without_the_platforms_words(world: World):
    world.platform.answer = lambda events: error(190, status=401, message="anna@example.com is no user")
    await world.happen(1)
    with capture_logs() as told:
        await world.run()
        world.platform.answer = lambda events: ok(len(events))
        world.secrets.put("meta_token", "new")
        await world.run_for(60_000)
    assert [line["event"] for line in told] == ["lane held", "lane open", "lane released"]
    assert "rekindle secrets set" in told[0]["remedy"]
    assert (told[0]["workspace"], told[0]["destination"], told[0]["log_level"]) == ("shop", "meta", "warning")
    assert "anna" not in str(told)
