"""How long each class of data is kept, and the moments before which it goes."""

from __future__ import annotations

from typing import NamedTuple

from rekindle.workspace import Policy, duration_ms


class Moments(NamedTuple):
    """Everything older than these (epoch ms) is to go."""

    events: int
    identifiers: int
    consents: int
    archive: int


def moments(policy: Policy, now_ms: int) -> Moments:
    """Return the moments for a policy.

    Nothing that belongs to an event outlives it, whatever the policy says; the archive is the events themselves, and
    may be kept for longer than the log.
    """
    events = duration_ms(policy.keep_events)

    def no_longer(text: str | None) -> int:
        return now_ms - (events if text is None else min(duration_ms(text), events))

    return Moments(
        events=now_ms - events,
        identifiers=no_longer(policy.retention.identifiers),
        consents=no_longer(policy.retention.consents),
        archive=now_ms - duration_ms(policy.retention.archive or policy.keep_events),
    )
