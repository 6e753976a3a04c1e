"""Time as a value that is passed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
"""Returns now, in milliseconds since the epoch."""


def system_clock() -> int:
    """Return the machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def parse_rfc3339(text: str) -> int:
    """Return milliseconds since the epoch. Raises `ValueError` for anything but RFC 3339 with an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no offset; write 2026-09-01T11:59:00Z")
    return int(moment.timestamp() * 1000)


def rfc3339(ms: int) -> str:
    """Return ``2026-09-01T11:59:00Z``, with milliseconds only where there are any."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    form = "milliseconds" if ms % 1000 else "seconds"
    return moment.isoformat(timespec=form).replace("+00:00", "Z")
