"""Time as a value that is passed in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

_LEAP_SECOND = re.compile(r":60(?=\.|Z|[+-]\d\d:\d\d$)")

Clock = Callable[[], int]
"""Returns now, in milliseconds since the epoch."""


def system_clock() -> int:
    """Return the machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def parse_rfc3339(text: str) -> int:
    """Return milliseconds since the epoch. Raises `ValueError` for anything but RFC 3339 with an offset."""
    leap = 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # RFC 3339, 5.6: "t" and "z" may be lower case, and the last minute of a day may have a 61st second.
        text, leap = _LEAP_SECOND.subn(":59", text.upper())
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no offset; write 2026-09-01T11:59:00Z")
    return int(moment.timestamp() * 1000) + 1000 * leap


def rfc3339(ms: int) -> str:
    """Return ``2026-09-01T11:59:00Z``, with milliseconds only where there are any."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    form = "milliseconds" if ms % 1000 else "seconds"
    return moment.isoformat(timespec=form).replace("+00:00", "Z")
