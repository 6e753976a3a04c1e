"""The platform's time window."""

from __future__ import annotations

from rekindle.egress.connector import Limits, Mapped
from rekindle.model.outcome import Reason


def outside_window(mapped: Mapped, limits: Limits, now_ms: int) -> str | None:
    """Return the reason why the platform would refuse the event's time, or None."""
    if now_ms > mapped.expires_ms:
        return Reason.WINDOW_PASSED
    if mapped.time_ms > now_ms + limits.future_ms:
        return Reason.IN_FUTURE
    return None
