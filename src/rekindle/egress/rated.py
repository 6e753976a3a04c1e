"""Platforms that tell how good what they get is: how they are asked, and what they say.

A connector takes part by having these two methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import msgspec

from rekindle.egress.connector import Answer, OutRequest

Unit = Literal["of 10", "of 3", "percent", "people", ""]


class Score(msgspec.Struct, frozen=True):
    """One measure. ``scope`` is what it is of (an event's name at the platform), "" for the whole account or list.

    ``words`` are the platform's own for it, masked, where it gives a word or a range and not a number.
    """

    measure: str
    scope: str
    value: float
    unit: Unit
    words: str = ""


@runtime_checkable
class Rated(Protocol):
    """A configured account, of events or of an audience, whose platform tells how good what it gets is."""

    def quality_request(self) -> OutRequest:
        """Return the question; it names no event and nobody."""
        ...

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        """Read the scores, or return in words why there are none. Never raises."""
        ...
