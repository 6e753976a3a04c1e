"""What needs a person, worst first: codes with figures; the page has the words and the way to the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from rekindle.profiles.id_match import IdMatch

ID_MATCH_GOOD = 0.98
ID_MATCH_BAD = 0.90


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """``code`` says what, ``about`` which feed or destination, ``figure`` how much (a share, a count or ms)."""

    code: str
    tone: Literal["warn", "bad"]
    about: str = ""
    figure: float = 0
    reason: str = ""


def alarms(*, received: int, matches: Sequence[IdMatch]) -> list[Alarm]:
    """Return the alarms of one workspace."""
    found: list[Alarm] = []
    if received == 0:
        found.append(Alarm("no-events", "warn"))
    for match in matches:
        if match.share < ID_MATCH_GOOD:
            found.append(Alarm("id-match", "bad" if match.share < ID_MATCH_BAD else "warn", match.feed, match.share))
    return sorted(found, key=lambda alarm: alarm.tone != "bad")
