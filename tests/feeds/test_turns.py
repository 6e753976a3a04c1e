"""When a delivery's turn is, and what becomes of it: by the clock, once after a pause, never the same twice."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rekindle.feeds.occasions import last_occasion
from rekindle.feeds.turns import ATTEMPTS, Turn, ended, first, looked, ready
from rekindle.workspace import Delivery

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_790_000_000_000  # 2026-09-21T13:33:20Z


def delivery(**values: object) -> Delivery:
    known = {"name": "partner", "kind": "webhook", "location": "https://partner.example/hook"}
    return msgspec.convert(known | values, Delivery)


def look(turn: Turn, document: Delivery, version: int, now_ms: int, since_ms: int = NOW, chance: float = 0.5) -> Turn:
    return looked(turn, document, (version, since_ms), lambda: "settings", now_ms, lambda: chance)


def end(turn: Turn, status: str, version: int, now_ms: int, chance: float = 0.5) -> Turn:
    return ended(turn, status, "words", version, "settings", now_ms, lambda: chance)  # type: ignore[arg-type]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("values", "now", "expected"),
    [
        ({"every": "6h"}, "2026-09-21T13:33:20+00:00", "2026-09-21T12:00:00+00:00"),
        ({"every": "1d"}, "2026-09-21T13:33:20+00:00", "2026-09-21T00:00:00+00:00"),
        ({"at": ["06:00", "18:00"], "timezone": "Europe/Warsaw"}, "2026-09-21T15:59:59+00:00", "2026-09-21T04:00+00:00"),
        ({"at": ["06:00", "18:00"], "timezone": "Europe/Warsaw"}, "2026-09-21T16:00:00+00:00", "2026-09-21T16:00+00:00"),
        ({"at": ["18:00"], "timezone": "Europe/Warsaw"}, "2026-09-21T15:00:00+00:00", "2026-09-20T16:00+00:00"),
        # In the night of 2026-03-29 Warsaw has no 02:30: it is half past three by the new time.
        ({"at": ["02:30"], "timezone": "Europe/Warsaw"}, "2026-03-29T01:30:00+00:00", "2026-03-29T01:30+00:00"),
        # In the night of 2026-10-25 it has two, and the first one counts.
        ({"at": ["02:30"], "timezone": "Europe/Warsaw"}, "2026-10-25T01:45:00+00:00", "2026-10-25T00:30+00:00"),
        # East of Greenwich today begins while it is yesterday in UTC.
        ({"at": ["00:15"], "timezone": "Pacific/Kiritimati"}, "2026-09-21T10:20:00+00:00", "2026-09-21T10:15+00:00"),
    ],
)  # fmt: skip
def test_the_newest_occasion(values, now, expected) -> None:
    assert last_occasion(delivery(**values), 0, ms(now)) == ms(expected)


@given(
    st.lists(st.times().map(lambda t: f"{t:%H:%M}"), min_size=1, max_size=3),
    st.sampled_from(["UTC", "Europe/Warsaw", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.integers(ms("2025-01-01T00:00:00+00:00"), ms("2028-01-01T00:00:00+00:00")),
)
def test_an_occasion_is_over_and_at_most_a_day_and_an_hour_old(at, zone, now) -> None:
    found = last_occasion(delivery(at=at, timezone=zone), 0, now)
    assert now - DAY - HOUR <= found <= now
    # A skipped time is as much later as the clocks were put forward.
    local = datetime.fromtimestamp(found / 1000, ZoneInfo(zone))
    before = datetime.fromtimestamp((found - HOUR) / 1000, ZoneInfo(zone))
    assert f"{local:%H:%M}" in at or local.utcoffset() != before.utcoffset()


def test_each_version_goes_as_it_is_published_and_once() -> None:
    document = delivery()
    turn = look(first(document, NOW), document, 1, NOW)
    assert ready(turn, NOW)
    turn = end(turn, "delivered", 1, NOW)
    assert (turn.status, turn.arrived_version) == ("idle", 1)
    assert not ready(look(turn, document, 1, NOW + DAY), NOW + DAY)
    turn = look(turn, document, 2, NOW + DAY, since_ms=NOW + DAY)
    assert ready(turn, NOW + DAY)


def test_going_back_takes_the_older_version_there_again() -> None:
    document = delivery()
    turn = end(look(first(document, NOW), document, 2, NOW), "delivered", 2, NOW)
    turn = look(turn, document, 1, NOW + 1, since_ms=NOW + 1)
    assert ready(turn, NOW + 1)
    # Nothing is owed any more when the pointer comes back first.
    assert look(turn, document, 2, NOW + 2, since_ms=NOW + 2).status == "idle"


def test_a_new_delivery_by_the_clock_waits_for_its_time() -> None:
    document = delivery(every="1d")
    turn = look(first(document, NOW), document, 1, NOW)
    assert not ready(turn, NOW)
    midnight = NOW // DAY * DAY + DAY
    assert ready(look(turn, document, 1, midnight), midnight)


def test_after_a_pause_it_is_caught_up_with_once() -> None:
    document = delivery(every="1h")
    turn = end(look(first(document, NOW), document, 1, NOW), "delivered", 1, NOW)
    later = NOW + 40 * HOUR
    turn = look(turn, document, 2, later, since_ms=NOW + HOUR)
    assert ready(turn, later)
    assert turn.since_ms is not None
    assert later - turn.since_ms < HOUR, "owed since the newest occasion, not for forty of them"
    turn = end(turn, "delivered", 2, later)
    assert not ready(look(turn, document, 2, later), later)


def test_chance_moves_it_by_less_than_the_jitter() -> None:
    document = delivery(every="1d", jitter="10m")
    midnight = NOW // DAY * DAY + DAY
    for chance in (0.0, 0.5, 0.999):
        turn = look(first(document, NOW), document, 1, midnight, chance=chance)
        assert turn.next_ms == midnight + int(chance * 600_000)
        again = look(turn, document, 1, midnight + 1, chance=0.1)
        assert again == turn, "drawn once for each occasion"


def test_the_same_version_again_when_it_gets_old() -> None:
    for document in (delivery(refresh="7d"), delivery(refresh="7d", every="1h")):
        turn = end(look(first(document, NOW), document, 1, NOW), "delivered", 1, NOW)
        assert not ready(look(turn, document, 1, NOW + 6 * DAY), NOW + 6 * DAY)
        assert ready(look(turn, document, 1, NOW + 7 * DAY + HOUR), NOW + 7 * DAY + HOUR)


def test_failures_wait_longer_and_longer_and_end() -> None:
    document = delivery()
    turn, now = look(first(document, NOW), document, 1, NOW), NOW
    waits = []
    while turn.status == "waiting":
        turn = end(turn, "failed", 1, now, chance=1.0)
        waits.append(turn.next_ms - now)
        now = turn.next_ms
    assert len(waits) == ATTEMPTS
    assert waits[:3] == [7_000, 9_000, 13_000]
    assert max(waits[:-1]) == HOUR + 5_000
    assert turn.since_ms == NOW, "it is owed since the beginning"
    assert turn.late(document, now)
    for reason in (
        looked(turn, document, (1, NOW), lambda: "another password", now - HOUR, lambda: 0.5),
        look(turn, document, 2, now - HOUR, since_ms=now - HOUR),
        look(turn, document, 1, now),
    ):
        assert (reason.status, reason.attempts, reason.since_ms) == ("waiting", 0, NOW)
    assert look(turn, document, 1, now - HOUR).status == "stopped"


def test_a_refusal_is_not_tried_again_at_once() -> None:
    document = delivery()
    turn = end(look(first(document, NOW), document, 1, NOW), "refused", 1, NOW)
    assert (turn.status, look(turn, document, 1, NOW + HOUR).status) == ("stopped", "stopped")


class Deliveries(RuleBasedStateMachine):
    """A shop publishes, goes back and waits; the other side answers as it likes."""

    @initialize(
        every=st.sampled_from([None, "1h", "1d"]), refresh=st.sampled_from([None, "2d"]),
        jitter=st.sampled_from([None, "30m"]),
    )  # fmt: skip
    def begin(self, every, refresh, jitter) -> None:
        self.document = delivery(every=every, refresh=refresh, jitter=jitter)
        self.now, self.version, self.since, self.newest = NOW, 1, NOW, 1
        self.turn = first(self.document, self.now)
        self.there: int | None = None
        self.arrived_ms = 0

    @rule(minutes=st.integers(0, 3_000))
    def wait(self, minutes) -> None:
        self.now += minutes * 60_000

    @rule(data=st.data())
    def publish(self, data) -> None:
        self.version = data.draw(st.integers(1, self.newest + 1))
        self.newest = max(self.newest, self.version)
        self.since = self.now

    @rule(chance=st.floats(0, 0.999))
    def look(self, chance) -> None:
        before = self.turn
        self.turn = look(before, self.document, self.version, self.now, self.since, chance)
        assert look(self.turn, self.document, self.version, self.now, self.since, chance) == self.turn, "looking twice"

    @precondition(lambda self: ready(look(self.turn, self.document, self.version, self.now, self.since), self.now))
    @rule(status=st.sampled_from(["delivered", "failed", "refused"]))
    def attempt(self, status) -> None:
        self.turn = look(self.turn, self.document, self.version, self.now, self.since)
        old = self.document.refresh is not None and self.now - self.arrived_ms >= 2 * DAY
        assert self.version != self.there or old, "the same version is not taken there twice"
        self.turn = end(self.turn, status, self.version, self.now)
        if status == "delivered":
            self.there, self.arrived_ms = self.version, self.now

    @invariant()
    def nothing_owed_is_forgotten(self) -> None:
        if not hasattr(self, "turn"):
            return
        assert self.turn.arrived_version == self.there
        if self.there == self.version:
            return
        # Whatever happened, a day later its turn has come, and with the jitter it is tried.
        later = self.now + DAY + HOUR
        turn = look(self.turn, self.document, self.version, later, self.since)
        assert ready(turn, later + HOUR)


Deliveries.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestDeliveries = Deliveries.TestCase
