"""RFC 3339 as the standard has it, not as most people write it."""

from __future__ import annotations

import pytest

from rekindle.model.clock import parse_rfc3339

NOON = parse_rfc3339("2026-09-01T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-09-01t12:00:00z", NOON),
        ("2026-09-01 12:00:00Z", NOON),
        ("2026-09-01T14:00:00+02:00", NOON),
        ("2026-09-01T12:00:00.25Z", NOON + 250),
        # RFC 3339, 5.8: the leap second of 1990.
        ("1990-12-31T23:59:60Z", parse_rfc3339("1991-01-01T00:00:00Z")),
        ("1990-12-31T15:59:60-08:00", parse_rfc3339("1991-01-01T00:00:00Z")),
        ("1990-12-31T23:59:60.5z", parse_rfc3339("1991-01-01T00:00:00.5Z")),
    ],
)
def test_times(text: str, ms: int) -> None:
    assert parse_rfc3339(text) == ms


@pytest.mark.parametrize(
    "text", ["", "2026-09-01", "2026-09-01T12:00:00", "2026-09-01T12:00:61Z", "2026-09-01T24:30:00Z"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|offset|hour|second"):
        parse_rfc3339(text)
