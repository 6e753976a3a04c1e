"""When to try again: full jitter, the platform's own wait as a floor, and the lane's way between its states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from rekindle.egress._store import LaneState
from rekindle.egress.connector import Verdict

BASE_MS: Final = 1_000
CAP_MS: Final = 600_000
HOLD_MS: Final = 900_000
PROBE_MS: Final = 30_000
"""An open breaker lets one event try at least so often, or the backlog of a long outage would wait for nothing."""
BREAK_AFTER: Final = 5
"""So many requests in a row without a useful answer open the breaker."""


def backoff_ms(attempts: int, floor_ms: int, random: Callable[[], float], cap_ms: int = CAP_MS) -> int:
    """Return a wait between 0 and ``2^attempts`` seconds (``cap_ms`` at most), never less than ``floor_ms``.

    The floor is added to, not compared with: a thousand clients told "60 s" must not all come back at 60 s.
    """
    span = min(cap_ms, BASE_MS << min(attempts, 20))
    return floor_ms + int(random() * span)


def answered(state: LaneState, now_ms: int, *, delivered: bool) -> LaneState:
    """Return to running: the platform dealt with a request, so whatever was wrong is over."""
    since = state.since_ms if state.state == "running" else now_ms
    succeeded = now_ms if delivered else state.succeeded_ms
    return msgspec.structs.replace(
        state, state="running", since_ms=since, next_ms=0, failures=0, succeeded_ms=succeeded
    )


def failed(state: LaneState, now_ms: int, words: str, floor_ms: int, random: Callable[[], float]) -> LaneState:
    """Count a request without a useful answer: after `BREAK_AFTER` in a row the lane opens, for up to `PROBE_MS` a probe.

    Like every wait it is drawn (full jitter) and comes on top of what the platform asks for.
    """
    failures = state.failures + 1
    changed = msgspec.structs.replace(state, failures=failures, words=words)
    if failures < BREAK_AFTER and state.state in ("running", "throttled"):
        return changed
    pause = backoff_ms(failures, max(floor_ms, BASE_MS), random, PROBE_MS)
    since = state.since_ms if state.state == "open" else now_ms
    kept = "held" if state.state == "held" else "open"
    return msgspec.structs.replace(changed, state=kept, since_ms=since, next_ms=now_ms + pause)


def throttled(state: LaneState, now_ms: int, words: str, floor_ms: int, random: Callable[[], float]) -> LaneState:
    """Wait: over the quota, nothing is sent before the platform's time. It is not a failure."""
    kept = state.state if state.state in ("open", "held") else "throttled"
    pause = backoff_ms(2, max(floor_ms, BASE_MS), random)
    since = state.since_ms if state.state == kept else now_ms
    # Of several requests told to wait, the longest wait counts.
    next_ms = max(now_ms + pause, state.next_ms)
    return msgspec.structs.replace(state, state=kept, since_ms=since, next_ms=next_ms, words=words)


def held(state: LaneState, now_ms: int, words: str, fingerprint: str) -> LaneState:
    """Hold: the account is not usable; one event is tried now and then, or when a secret changes."""
    since = state.since_ms if state.state == "held" else now_ms
    return msgspec.structs.replace(
        state, state="held", since_ms=since, next_ms=now_ms + HOLD_MS, words=words, fingerprint=fingerprint
    )


def retried(state: LaneState, now_ms: int, words: str, fingerprint: str) -> LaneState:
    """Return from hold to open, to try at once: there is a new secret."""
    return msgspec.structs.replace(
        state, state="open", words=words, since_ms=now_ms, next_ms=0, failures=0, fingerprint=fingerprint
    )


def kind(verdict: Verdict) -> Literal["held", "throttled", "no-answer", "answered"]:
    """Return what a verdict says of the account, whatever became of each event."""
    if verdict.credential_action is not None or "hold" in verdict.per_event:
        return "held"
    if verdict.retry is not None and verdict.retry.throttled:
        return "throttled"
    return "no-answer" if all(one == "retry" for one in verdict.per_event) else "answered"


def judged(
    state: LaneState, verdict: Verdict, now_ms: int, fingerprint: str, random: Callable[[], float], *, late: bool
) -> LaneState:
    """Return the lane's state after a verdict. ``late``: the request was open already when the last bad answer came."""
    said, floor = kind(verdict), verdict.retry.after_ms if verdict.retry else 0
    if said == "held":
        return held(state, now_ms, verdict.words, fingerprint)
    if said == "throttled":
        return throttled(state, now_ms, verdict.words, floor, random)
    if said == "no-answer":
        # Requests that were open together and fail together are one failure.
        return state if late else failed(state, now_ms, verdict.words, floor, random)
    good = any(one in ("delivered", "accepted") for one in verdict.per_event)
    if late and state.state != "running":
        # It had left before the lane was closed, so it does not open it.
        return msgspec.structs.replace(state, succeeded_ms=now_ms) if good else state
    return answered(state, now_ms, delivered=good)
