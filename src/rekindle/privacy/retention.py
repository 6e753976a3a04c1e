"""How long each class of data is kept, and the moments before which it goes."""

from __future__ import annotations

from typing import Final, NamedTuple

from rekindle.workspace import Policy, duration_ms

COUNTS_MS: Final = 400 * 86_400_000
"""Counts and outcomes hold no personal data. Both are kept equally long, so that their sums still balance."""


class Moments(NamedTuple):
    """Everything older than these (epoch ms) is to go."""

    events: int
    identifiers: int
    consents: int
    outcomes: int


def moments(policy: Policy, now_ms: int) -> Moments:
    """Return the moments for a policy. Nothing that belongs to an event outlives it, whatever the policy says."""
    events = duration_ms(policy.keep_events)

    def no_longer(text: str | None) -> int:
        return now_ms - (events if text is None else min(duration_ms(text), events))

    return Moments(
        events=now_ms - events,
        identifiers=no_longer(policy.retention.identifiers),
        consents=no_longer(policy.retention.consents),
        outcomes=now_ms - max(COUNTS_MS, events),
    )
