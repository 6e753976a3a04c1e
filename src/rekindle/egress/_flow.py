"""How much at once: a lane's limit of open requests, found out by asking, and its leave by the account's quota.

The limit starts at one and doubles whenever it was reached and all went well, until the platform is slow or says that it
was too much; from then on it grows by one. It shrinks by a tenth when the platform is slow or fails, and by half when it
says that it was too much (additive increase, multiplicative decrease). After failures down to one it doubles again: what
the platform bore before an outage says nothing now, and a backlog waits.
"""

from __future__ import annotations

from typing import Final

import msgspec

_ALPHA: Final = 0.4
_DEVIATIONS: Final = 2.5
_NOISE_MS: Final = 100
"""An answer this much later than usual is still not slow: on a busy machine it says nothing about the platform."""


class Flight(msgspec.Struct):
    """One request on its way: which one it is, and whether the limit was reached with it."""

    number: int
    full: bool
    took_ms: int = 0


class Flow:
    """The limit of one lane, in memory: after a restart it is found out again."""

    def __init__(self, most: int, *, rationed: bool = False) -> None:
        """``most``: open requests at the utmost. ``rationed``: each one needs leave (`_quota.Quota`)."""
        self._most = max(1, most)
        self._rationed = rationed
        self._leave = 0
        self._limit = 1.0
        self._good = 0
        self._doubles = True
        self._grown = 0
        self._open = 0
        self._number = 0
        self._mark = 0
        self._shrunk = 0
        self._mean_ms: float | None = None
        self._deviation_ms = 0.0

    @property
    def limit(self) -> int:
        """How many requests may be open at once now."""
        return int(self._limit)

    def at_once(self) -> int:
        """Return how many requests may be begun now by limit and quota; 0: there is no leave for the moment."""
        return max(0, min(self.limit, self._leave)) if self._rationed else self.limit

    @property
    def lacking(self) -> int:
        """How much leave to ask for. Beyond the limit there is a debt: parts of a refused batch went without."""
        return self.limit - self._leave if self._rationed else 0

    def allow(self, more: int) -> None:
        """Note leave for so many more requests."""
        self._leave += more

    def begin(self) -> Flight:
        """Note that a request leaves."""
        self._leave -= 1
        self._open += 1
        self._number += 1
        return Flight(self._number, full=self._open >= self.limit)

    def end(self) -> None:
        """Note that a request is over, answered or not."""
        self._open -= 1

    def late(self, flight: Flight) -> bool:
        """Say whether the request was on its way already when the last bad answer came: it tells nothing new."""
        return flight.number <= self._mark

    def well(self, flight: Flight) -> None:
        """Note that the platform dealt with the request; whether in good time is seen here."""
        slow = self._slow(flight.took_ms)
        if slow:
            self._shrink(flight, 0.9)
            self._doubles = False
        elif flight.full and self._doubles:
            # Once for the requests that are open together.
            if flight.number > self._grown:
                self._grown = self._number
                self._limit = min(float(self._most), self._limit * 2)
        elif flight.full:
            self._good += 1
            if self._good >= self.limit:
                self._good = 0
                self._limit = min(float(self._most), self._limit + 1)

    def badly(self, flight: Flight, *, throttled: bool) -> None:
        """Note that there was no useful answer, or that it was too much. Requests open at the same time shrink the limit once."""
        self._shrink(flight, 0.5 if throttled else 0.9)
        self._doubles = not throttled and (self._doubles or self._limit == 1)
        self._mark = self._number

    def _shrink(self, flight: Flight, factor: float) -> None:
        self._good = 0
        if flight.number > self._shrunk:
            self._limit = max(1.0, float(int(self._limit * factor)))
            self._shrunk = self._number

    def _slow(self, took_ms: int) -> bool:
        if self._mean_ms is None:
            self._mean_ms = float(took_ms)
            return False
        over = took_ms - self._mean_ms
        slow = over > max(_NOISE_MS, _DEVIATIONS * self._deviation_ms)
        self._mean_ms += _ALPHA * over
        self._deviation_ms += _ALPHA * (abs(over) - self._deviation_ms)
        return slow
