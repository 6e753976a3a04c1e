"""Every event ends in exactly one outcome for each destination; every outcome has a reason code."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The ends an event can come to. ``waiting`` is not an end: it is still queued or held for a retry."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    FILTERED = "filtered"
    INVALID = "invalid"
    EXPIRED = "expired"
    HELD = "held"
    DEAD = "dead"


FINAL: Final = frozenset(Outcome) - {Outcome.WAITING, Outcome.HELD}


class Reason(StrEnum):
    """Reason codes of the door and of egress; destinations and consent add their own.

    `rekindle.model.reasons` has the words of all.
    """

    OK = "ok"
    # at the door
    CONSENT_ABSENT = "consent-absent"
    CONSENT_DENIED = "consent-denied"
    CONSENT_UNREADABLE = "consent-unreadable"
    SUPPRESSED = "suppressed"
    BOT = "bot"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    TOO_OLD = "too-old"
    IN_FUTURE = "in-future"
    UNKNOWN_ORIGIN = "unknown-origin"
    BAD_KEY = "bad-key"
    # on the way out
    NOT_MAPPED = "not-mapped"
    NO_MATCH_KEY = "no-match-key"
    MISSING_FIELD = "missing-field"
    WINDOW_PASSED = "window-passed"
    PERMIT_DENIED = "permit-denied"
    PERMIT_EXPIRED = "permit-expired"
    AWAITING_DECISION = "awaiting-decision"
    PARTLY_REFUSED = "partly-refused"
    UNDECIDED = "undecided"
    PLATFORM_REFUSED = "platform-refused"
    REMOVAL_REFUSED = "removal-refused"
    RETRIES_SPENT = "retries-spent"
    CREDENTIALS = "credentials"
    ERASED = "erased"
