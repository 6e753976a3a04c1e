"""What needs a look, and what does not."""

from __future__ import annotations

import pytest

from rekindle.console.alarms import alarms
from rekindle.console.destinations import Balance, Lane
from rekindle.egress.expiry import DAY_MS, Expiry
from rekindle.egress.status import LaneStatus
from rekindle.feeds import DeliveryStatus, FeedStatus
from rekindle.feeds.push import PushStatus
from rekindle.feeds.push.status import STATES
from rekindle.feeds.turns import Turn
from rekindle.profiles.id_match import IdMatch

NOW = 1_788_000_000_000
HOUR = 3_600_000


def lane(state: str = "running", *, enabled: bool = True, oldest_ms: int = 0, **counts: int) -> Lane:
    status = LaneStatus("meta", state, "words", 0, 0, 3, 3, oldest_ms, dict(counts), {})
    return Lane("meta", "meta", enabled, None, status)


def delivery(status: str = "idle", owed_ms: int | None = None, *, enabled: bool = True) -> DeliveryStatus:
    turn = Turn(status=status, since_ms=None if owed_ms is None else NOW - owed_ms, words="no room")  # type: ignore[arg-type]
    late = owed_ms is not None and owed_ms > HOUR
    return DeliveryStatus("google", "partner", "sftp", "sftp://files.example", enabled, turn, 1, late and enabled, [])


def pushed(
    state: str = "running", *, enabled: bool = True, oldest_ms: int = 0, held: str = "", **items: int
) -> PushStatus:
    counts = {name: items.get(name, 0) for name in STATES}
    return PushStatus(
        "google", "Google Merchant API", enabled, 3, 3, state, "words", 0, 0, counts, oldest_ms, 0, held, ""
    )


def codes(**given: object) -> list[tuple[str, str]]:
    calm: dict[str, object] = {"received": 1, "matches": [], "lanes": [], "feeds": [], "balances": [], "now_ms": NOW}
    calm |= {"expiries": [Expiry("meta", "told", NOW + 30 * DAY_MS, 14 * DAY_MS), Expiry("snap", "renewed", NOW + 1)]}
    return [(alarm.code, alarm.tone) for alarm in alarms(**(calm | given))]  # type: ignore[arg-type]


def test_calm_is_calm() -> None:
    assert (
        codes(
            matches=[IdMatch("google", 100, 99, 0.99, {}, [])],
            lanes=[lane(accepted=5, filtered=2), Lane("new", "webhook", True, None, None)],
            balances=[Balance("meta", 7, 7, False), Balance("late", 7, 3, True)],
            deliveries=[delivery(), delivery("waiting", 1000), delivery("stopped", 2 * HOUR, enabled=False)],
            pushes=[pushed(waiting=9, oldest_ms=NOW - HOUR), pushed("held", enabled=False), pushed("throttled")],
        )
        == []
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"received": 0}, ("no-events", "warn")),
        ({"matches": [IdMatch("google", 100, 95, 0.95, {}, [])]}, ("id-match", "warn")),
        ({"matches": [IdMatch("google", 100, 50, 0.5, {}, [])]}, ("id-match", "bad")),
        ({"lanes": [lane("held")]}, ("lane-held", "bad")),
        ({"lanes": [lane("open")]}, ("lane-open", "bad")),
        ({"lanes": [lane(oldest_ms=NOW - 7_200_000)]}, ("lane-slow", "warn")),
        ({"lanes": [lane(dead=1)]}, ("dead-letters", "warn")),
        ({"feeds": [FeedStatus("google", "google_merchant", None, 0, {}, None, None)]}, ("feed-missing", "warn")),
        ({"balances": [Balance("meta", 7, 6, False)]}, ("sums", "warn")),
        ({"deliveries": [delivery("stopped", 1000)]}, ("delivery-stopped", "bad")),
        ({"pushes": [pushed("held")]}, ("push-held", "bad")),
        ({"pushes": [pushed("open")]}, ("push-open", "bad")),
        ({"pushes": [pushed(oldest_ms=NOW - 7 * HOUR)]}, ("push-late", "warn")),
        ({"pushes": [pushed(held="4 of 10 items")]}, ("push-removals", "bad")),
        ({"pushes": [pushed(refused=2)]}, ("push-refused", "warn")),
        ({"deliveries": [delivery("waiting", 2 * HOUR)]}, ("delivery-late", "warn")),
        ({"expiries": [Expiry("meta", "told", NOW + 14 * DAY_MS, 14 * DAY_MS)]}, ("credential-expires", "warn")),
        ({"expiries": [Expiry("meta", "told", NOW + 3 * DAY_MS, 14 * DAY_MS)]}, ("credential-expires", "bad")),
        ({"expiries": [Expiry("meta", "told", NOW - 1, 14 * DAY_MS)]}, ("credential-expires", "bad")),
        ({"expiries": [Expiry("snap", "renewed", NOW + 1, 0, "invalid_grant")]}, ("credential-renewal", "warn")),
    ],
)
def test_each_fault_is_named(given: dict[str, object], expected: tuple[str, str]) -> None:
    assert codes(**given) == [expected]


def test_what_is_switched_off_is_left_alone() -> None:
    assert codes(lanes=[lane("held", enabled=False)]) == []


def test_the_worst_comes_first() -> None:
    assert [tone for _, tone in codes(received=0, lanes=[lane(dead=1), lane("held")])] == ["bad", "warn", "warn"]
