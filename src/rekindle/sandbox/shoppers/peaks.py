"""How many shoppers come, by the time of the day and in a flash sale."""

from __future__ import annotations

import math

import msgspec

_EVENING = 1.25
"""A shop's busiest hour has 2 to 2.5 times the visits of its mean hour."""


class Peaks(msgspec.Struct, frozen=True):
    """Visits a second over time, about ``mean`` of them.

    They swing over a day of ``day_s`` seconds (0: no swing) and are multiplied by ``flash_times`` from ``flash_at_s``
    on for ``flash_for_s`` seconds (None: no flash sale).
    """

    mean: float
    day_s: float = 0.0
    flash_at_s: float | None = None
    flash_for_s: float = 60.0
    flash_times: float = 10.0

    @property
    def highest(self) -> float:
        """Return what `at` never exceeds."""
        return self.mean * ((1 + _EVENING) if self.day_s else 1) * (1 if self.flash_at_s is None else self.flash_times)

    def at(self, second: float) -> float:
        """Return the visits a second at that moment after the beginning."""
        rate = self.mean
        if self.day_s:
            # The night cannot have fewer than none: what the swing would take below zero is left at a tenth.
            rate *= max(0.1, 1 + _EVENING * math.sin(2 * math.pi * (second / self.day_s - 0.5)))
        if self.flash_at_s is not None and self.flash_at_s <= second < self.flash_at_s + self.flash_for_s:
            rate *= self.flash_times
        return rate
