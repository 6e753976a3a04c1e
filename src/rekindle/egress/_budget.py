"""When an account may be asked: what its lane knows of it, what the last questions came to, and its quota."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from rekindle.egress import _pace
from rekindle.egress._quota import Quota, Turn
from rekindle.egress._store import LaneState, Store
from rekindle.egress.answers import retry_after_ms
from rekindle.egress.connector import Answer, Verdict
from rekindle.engines.database import Database
from rekindle.model.clock import Clock

_SOON_MS: Final = 1_000


class Shut(NamedTuple):
    """Why an account is not asked now: ``held``, ``open``, ``throttled`` (as a lane's states) or ``quota``."""

    why: str
    until_ms: int
    words: str


class Budget:
    """One account's. What questions came to is remembered by the process that asks; the lane's state is its own row."""

    def __init__(
        self, database: Database, workspace: str, destination: str, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._database = database
        self._key = (workspace, destination)
        self._store = Store(database, workspace, destination)
        self._clock = clock
        self._random = random
        self._state = LaneState()
        self._per_second: float | None = None
        self._quota: Quota | None = None
        self._turn = Turn(None)

    def allow(self, per_second: float | None) -> None:
        """Take over the account's quota as it is configured now."""
        if per_second != self._per_second:
            self._per_second = per_second
            self._quota = Quota(self._database, *self._key, per_second, self._clock) if per_second else None
            self._turn = Turn(self._quota)

    async def shut(self, mark: str) -> Shut | None:
        """Return why the account may not be asked now, or None. ``mark`` names its secrets: a new one is tried at once."""
        now = self._clock()
        for state in (self._state, await self._store.state()):
            if now < state.next_ms and not (state.state == "held" and state.fingerprint != mark):
                return Shut(state.state, state.next_ms, _WORDS.get(state.state, state.words))
        if not await self._turn.may():
            return Shut("quota", max(self._turn.next_ms, now + _SOON_MS), "the account's quota of requests is used up")
        return None

    def spend(self) -> None:
        """Note a request."""
        self._turn.spend()

    async def failed(self, words: str) -> None:
        """Note that there was no answer: after several in a row the account rests."""
        self._state = _pace.failed(self._state, self._clock(), words, 0, self._random)

    async def answered(self, answer: Answer, mark: str) -> None:
        """Note an answer to a question. Sources: RFC 9110, section 15.5.2 (401) and 10.2.3; RFC 6585, section 4 (429)."""
        now, wait = self._clock(), retry_after_ms(answer)
        if answer.status == 401:
            self._state = _pace.held(self._state, now, "", mark)
        elif answer.status == 429 or wait:
            self._state = _pace.throttled(self._state, now, "", wait, self._random)
            await self._tell()
        elif answer.status >= 500:
            self._state = _pace.failed(self._state, now, "", 0, self._random)
        else:
            self._state = _pace.answered(self._state, now, delivered=True)

    async def judged(self, verdict: Verdict, mark: str) -> None:
        """Note an answer to something that was sent."""
        self._state = _pace.judged(self._state, verdict, self._clock(), mark, self._random, late=False)
        if _pace.kind(verdict) == "throttled":
            await self._tell()

    async def _tell(self) -> None:
        """Have all who share the account wait, the lanes of other processes too."""
        if self._quota is not None:
            await self._quota.block(self._state.next_ms)


_WORDS: Final = {
    "held": "the account is held: renew its secret",
    "open": "the platform does not answer; it is asked again later",
    "throttled": "the platform asks to wait",
}
