"""One delivery from occasion to arrival: a state and its moves, pure, so that they can be tested by themselves.

``idle``: what there is has arrived, or its turn has not come. ``waiting``: to be tried at ``next_ms``. ``stopped``: was
refused or failed too often; it waits for the next occasion, other settings or secrets, a person, or six hours (what
was wrong may have been repaired over there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from rekindle.egress import backoff_ms
from rekindle.feeds.occasions import last_occasion
from rekindle.feeds.receipts import ARRIVED, Status
from rekindle.workspace import Delivery, duration_ms

ATTEMPTS: Final = 20
"""So often one version is tried on one occasion; the waits between them grow to an hour, and all of them take some hours."""

_FLOOR_MS: Final = 5_000
_CAP_MS: Final = 3_600_000
_AGAIN_MS: Final = 6 * 3_600_000


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """How far a delivery is.

    ``version`` was tried last, ``arrived_version`` arrived last. ``occasion_ms`` is the newest occasion that was seen;
    ``since_ms`` is the one since which something is owed (None: nothing is). ``settings`` names the settings and
    secrets of the last attempt. ``words`` say what went wrong.
    """

    status: Literal["idle", "waiting", "stopped"] = "idle"
    version: int | None = None
    arrived_version: int | None = None
    arrived_ms: int = 0
    occasion_ms: int = 0
    since_ms: int | None = None
    next_ms: int = 0
    attempts: int = 0
    settings: str = ""
    words: str = ""

    def late(self, delivery: Delivery, now_ms: int) -> bool:
        """Whether something has been owed for longer than the delivery allows."""
        return self.since_ms is not None and now_ms - self.since_ms > duration_ms(delivery.late_after)


def first(delivery: Delivery, now_ms: int) -> Turn:
    """Return the state of a new delivery: one by the clock begins at its next time, not at the one that went by."""
    return Turn(occasion_ms=0 if by_publication(delivery) else last_occasion(delivery, 0, now_ms))


def looked(
    turn: Turn, delivery: Delivery, live: tuple[int, int], settings: Callable[[], str], now_ms: int,
    random: Callable[[], float],
) -> Turn:  # fmt: skip
    """Return the state after a look at the clock; ``live`` is the live version and since when readers get it."""
    version, since_ms = live
    renew_ms = _renewal(turn, delivery)
    changed = version != turn.arrived_version
    owed = changed or (renew_ms is not None and renew_ms <= now_ms)
    occasion = last_occasion(delivery, since_ms, now_ms)
    fresh = occasion > turn.occasion_ms
    if fresh:
        turn = msgspec.structs.replace(turn, occasion_ms=occasion)
    if not owed:
        # It went back to what the other side has, before the other was taken there; or nothing is new.
        return msgspec.structs.replace(turn, status="idle", since_ms=None, attempts=0, words="")
    if turn.status == "idle" and not (fresh or by_publication(delivery)):
        return turn
    if turn.status == "idle" or (turn.status == "stopped" and fresh):
        begin = occasion if changed or renew_ms is None else max(renew_ms, occasion)
        spread = int(random() * duration_ms(delivery.jitter)) if delivery.jitter else 0
        since = turn.since_ms if turn.since_ms is not None else begin
        return msgspec.structs.replace(turn, status="waiting", since_ms=since, next_ms=begin + spread, attempts=0)
    if turn.status == "stopped" and (turn.settings != settings() or turn.next_ms <= now_ms):
        return msgspec.structs.replace(turn, status="waiting", next_ms=now_ms, attempts=0)
    return turn


def by_publication(delivery: Delivery) -> bool:
    """Whether each version goes as it is published, and not by the clock."""
    return delivery.every is None and not delivery.at


def asked(turn: Turn, now_ms: int) -> Turn:
    """Return the state after a person asked for the live version to be taken there now, again if it is there."""
    since = turn.since_ms if turn.since_ms is not None else now_ms
    return msgspec.structs.replace(
        turn, status="waiting", arrived_version=None, since_ms=since, next_ms=now_ms, attempts=0, words=""
    )


def ready(turn: Turn, now_ms: int) -> bool:
    """Whether an attempt is due."""
    return turn.status == "waiting" and turn.next_ms <= now_ms


def ended(
    turn: Turn, status: Status, words: str, version: int, settings: str, now_ms: int, random: Callable[[], float]
) -> Turn:
    """Return the state after an attempt that came to ``status``; it is over unless that state is ``waiting``."""
    tried = msgspec.structs.replace(turn, version=version, settings=settings, attempts=turn.attempts + 1, words=words)
    if status in ARRIVED:
        return msgspec.structs.replace(
            tried, status="idle", arrived_version=version, arrived_ms=now_ms, since_ms=None, attempts=0, words=""
        )
    owing = msgspec.structs.replace(tried, since_ms=turn.since_ms if turn.since_ms is not None else now_ms)
    if status == "refused" or tried.attempts >= ATTEMPTS:
        return msgspec.structs.replace(owing, status="stopped", next_ms=now_ms + _AGAIN_MS)
    wait = backoff_ms(tried.attempts, _FLOOR_MS, random, _CAP_MS)
    return msgspec.structs.replace(owing, status="waiting", next_ms=now_ms + wait)


def _renewal(turn: Turn, delivery: Delivery) -> int | None:
    """Return when the same version is to be taken there again, or None when never."""
    if delivery.refresh is None or turn.arrived_version is None:
        return None
    return turn.arrived_ms + duration_ms(delivery.refresh)
