"""What an answer means for one event, or one person, of its request: an end, another time, or again at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from rekindle.egress import _pace
from rekindle.egress._store import LaneState
from rekindle.egress._tickets import Ticket
from rekindle.egress.connector import Disposition, Verdict
from rekindle.model.outcome import Outcome, Reason

_ENOUGH_TRIES: Final = 8

T = TypeVar("T")


class Ending(NamedTuple):
    """``next_ms`` is when it is tried again; None: it is over. ``ticket`` names the decision that is waited for."""

    outcome: Outcome
    reason: str
    attempts: int
    next_ms: int | None = None
    ticket: str = ""


class Judge:
    """Judges those of one request. ``after`` is the account's state since its answer."""

    def __init__(self, verdict: Verdict, after: LaneState, now_ms: int, random: Callable[[], float]) -> None:
        self._kind = _pace.kind(verdict)
        self._floor_ms = verdict.retry.after_ms if verdict.retry else 0
        self._after = after
        self._now_ms = now_ms
        self._random = random

    def __call__(
        self, said: Disposition, attempts: int, *, alone: bool, others_passed: bool, ticket: Ticket | None = None
    ) -> Ending | None:
        """Return what it came to; None: it goes again at once, in smaller company.

        ``attempts`` were made before this one. ``others_passed``: the platform took others while this one failed.
        ``ticket`` is by what the platform will be asked about what it accepted.
        """
        counted = attempts + (self._kind not in ("throttled", "held"))
        if said == "accepted" and ticket is not None:
            return Ending(Outcome.ACCEPTED, Reason.AWAITING_DECISION, attempts + 1, ticket=ticket.id)
        if said in ("delivered", "accepted"):
            return Ending(Outcome(said), Reason.OK, attempts + 1)
        if self._kind == "held":
            return Ending(Outcome.HELD, Reason.CREDENTIALS, attempts, self._after.next_ms)
        if said == "split" and not alone:
            return None
        if said in ("split", "permanent"):
            return Ending(Outcome.DEAD, Reason.PLATFORM_REFUSED, counted)
        if self._kind == "throttled":
            return Ending(Outcome.WAITING, "throttled", attempts, self._after.next_ms)
        if counted >= _ENOUGH_TRIES and others_passed:
            return Ending(Outcome.DEAD, Reason.RETRIES_SPENT, counted)
        wait = _pace.backoff_ms(counted, self._floor_ms, self._random)
        return Ending(Outcome.WAITING, "no-answer", counted, self._now_ms + wait)


def parted(rest: list[T], whole: Sequence[T]) -> list[list[T]]:
    """Return the parts in which ``rest`` of a request goes again: in halves when all of it was refused."""
    if len(rest) == len(whole) > 1:
        middle = len(rest) // 2
        return [rest[:middle], rest[middle:]]
    return [rest] if rest else []
