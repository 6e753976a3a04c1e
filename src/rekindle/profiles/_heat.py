"""Decayed counts as one number: the binary logarithm of the count, carried forward to a fixed moment.

A count that halves every ``half_life_ms`` is ``2 ** (heat - now / half_life)``. Heats compare as they are, so a
ranking needs no pass that ages the rows, and being logarithms they never overflow.
"""

from __future__ import annotations

import math

_DAY_MS = 86_400_000
CO_VIEW_HALF_LIFE_MS = 30 * _DAY_MS
POPULAR_HALF_LIFE_MS = 3 * _DAY_MS


def add(heat: float | None, weight: float, at_ms: int, half_life_ms: int) -> float:
    """Return the heat after ``weight`` more at ``at_ms``; ``heat`` is None for nothing so far."""
    new = at_ms / half_life_ms + math.log2(weight)
    if heat is None:
        return new
    low, high = sorted((heat, new))
    return high + math.log2(1.0 + 2.0 ** (low - high))


def count(heat: float, now_ms: int, half_life_ms: int) -> float:
    """Return the decayed count at ``now_ms``."""
    return float(2.0 ** (heat - now_ms / half_life_ms))


def floor(now_ms: int, half_life_ms: int, smallest: float = 2.0**-10) -> float:
    """Return the heat below which a count is less than ``smallest`` at ``now_ms``."""
    return now_ms / half_life_ms + math.log2(smallest)
