"""When to try again: full jitter, the platform's own wait as a floor, and the lane's way between its states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from rekindle.egress._store import LaneState

BASE_MS: Final = 1_000
CAP_MS: Final = 600_000
HOLD_MS: Final = 900_000
BREAK_AFTER: Final = 5
"""So many requests in a row without a useful answer open the breaker."""


def backoff_ms(attempts: int, floor_ms: int, random: Callable[[], float]) -> int:
    """Return a wait between 0 and ``2^attempts`` seconds (ten minutes at most), never less than ``floor_ms``.

    The floor is added to, not compared with: a thousand clients told "60 s" must not all come back at 60 s.
    """
    span = min(CAP_MS, BASE_MS << min(attempts, 20))
    return floor_ms + int(random() * span)


def answered(state: LaneState, now_ms: int, *, delivered: bool) -> LaneState:
    """Return to running: the platform dealt with a request, so whatever was wrong is over."""
    since = state.since_ms if state.state == "running" else now_ms
    succeeded = now_ms if delivered else state.succeeded_ms
    return msgspec.structs.replace(
        state, state="running", since_ms=since, next_ms=0, failures=0, succeeded_ms=succeeded
    )


def failed(state: LaneState, now_ms: int, words: str, floor_ms: int, random: Callable[[], float]) -> LaneState:
    """Count a request without a useful answer: after `BREAK_AFTER` in a row the lane opens, and each failed probe doubles the pause."""
    failures = state.failures + 1
    changed = msgspec.structs.replace(state, failures=failures, words=words)
    if failures < BREAK_AFTER and state.state in ("running", "throttled"):
        return changed
    pause = backoff_ms(failures, max(floor_ms, BASE_MS), random)
    since = state.since_ms if state.state == "open" else now_ms
    kept = "held" if state.state == "held" else "open"
    return msgspec.structs.replace(changed, state=kept, since_ms=since, next_ms=now_ms + pause)


def throttled(state: LaneState, now_ms: int, words: str, floor_ms: int, random: Callable[[], float]) -> LaneState:
    """Wait: over the quota, nothing is sent before the platform's time. It is not a failure."""
    kept = state.state if state.state in ("open", "held") else "throttled"
    pause = backoff_ms(2, max(floor_ms, BASE_MS), random)
    since = state.since_ms if state.state == kept else now_ms
    return msgspec.structs.replace(state, state=kept, since_ms=since, next_ms=now_ms + pause, words=words)


def held(state: LaneState, now_ms: int, words: str, fingerprint: str) -> LaneState:
    """Hold: the account is not usable; one event is tried now and then, or when a secret changes."""
    since = state.since_ms if state.state == "held" else now_ms
    return msgspec.structs.replace(
        state, state="held", since_ms=since, next_ms=now_ms + HOLD_MS, words=words, fingerprint=fingerprint
    )
