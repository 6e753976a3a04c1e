"""The permit: the only key to `egress`, made by `rekindle.privacy.decide` alone, for minutes."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from rekindle.model.event import Consent

SIGNALS: Final = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")
_SECRET = os.urandom(32)
"""This process's own: a permit that was built, copied, altered or restored elsewhere does not carry its mark."""

_encode = msgspec.msgpack.Encoder().encode


class PermitRefused(Exception):
    """Base of the three ways in which a permit opens no door."""


class PermitExpired(PermitRefused):
    """The permit's minutes are over; decide again with the newest consent."""


class PermitForged(PermitRefused):
    """The permit was not made by the decision engine of this process, or was changed since."""


class PermitMismatch(PermitRefused):
    """The permit is for another event or another destination."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send the named fields of one event to one destination for the named purposes.

    ``purposes`` are names such as ``ad_user_data`` or ``tcf:4``; ``basis`` says what allowed it (``tcf``,
    ``consent_mode``, ``opt_out`` or several joined by ``+``); ``limited_use`` asks the destination to set the
    platform's limited-use fields. ``signals`` are consent mode's four as they were decided (``ad_storage=granted``):
    what a destination is told of them, and not what the event said when it came. Only `rekindle.privacy.decide` makes
    a permit; the constructor raises `PermitForged`.
    """

    event_id: str
    workspace: str
    destination: str
    subject: str
    fields: frozenset[str]
    purposes: frozenset[str]
    basis: str
    limited_use: bool
    issued_ms: int
    expires_ms: int
    signals: frozenset[str] = frozenset()
    _mark: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        self._prove("a permit is made by rekindle.privacy.decide and by nothing else")

    def told(self, consent: Consent) -> Consent:
        """Return ``consent`` as a destination is to be told it: its strings as they came, the four signals as decided."""
        decided: dict[str, Any] = dict.fromkeys(SIGNALS)
        decided.update(signal.partition("=")[::2] for signal in self.signals)
        if all(getattr(consent, name) == value for name, value in decided.items()):
            return consent
        return msgspec.structs.replace(consent, **decided)

    def check(self, now_ms: int, destination: str, event_id: str) -> None:
        """Raise `PermitForged`, `PermitMismatch` or `PermitExpired` unless this permit allows that send now."""
        self._prove("the permit was changed after it was made")
        if (self.destination, self.event_id) != (destination, event_id):
            raise PermitMismatch(f"the permit is for {self.destination!r}, not for this send to {destination!r}")
        if not self.issued_ms <= now_ms < self.expires_ms:
            raise PermitExpired("the permit has expired; decide again")

    def _prove(self, otherwise: str) -> None:
        try:
            mark = _sign(self)
        except TypeError:  # such as a set that can still be changed in place of one that cannot
            raise PermitForged(otherwise) from None
        if not hmac.compare_digest(self._mark, mark):
            raise PermitForged(otherwise)


class Leave:
    """The permits of one request, proved once; then only their time runs.

    It keeps the span in which all of them are valid, so that what waited between the proof and the send (for the
    ledger's turn) is held to the clock without signing every permit again.
    """

    def __init__(self, permits: Sequence[Permit], now_ms: int, destination: str) -> None:
        """Raise what `Permit.check` raises for the first permit that does not allow the send now."""
        for permit in permits:
            permit.check(now_ms, destination, permit.event_id)
        self._from_ms = max((permit.issued_ms for permit in permits), default=now_ms)
        self._until_ms = min((permit.expires_ms for permit in permits), default=now_ms)

    def still(self, now_ms: int) -> None:
        """Raise `PermitExpired` unless all the permits are valid at ``now_ms`` too."""
        if not self._from_ms <= now_ms < self._until_ms:
            raise PermitExpired("a permit of the request has expired; decide again")


@lru_cache(maxsize=1_024)
def in_order(names: frozenset[str]) -> tuple[str, ...]:
    """Return names sorted. A shop has few different sets of fields, purposes and signals, and many events with each."""
    return tuple(sorted(names))


@lru_cache(maxsize=1_024)
def _digest(names: frozenset[str]) -> bytes:
    return hashlib.blake2b(repr(in_order(names)).encode(), digest_size=16).digest()


def _sign(permit: Permit) -> bytes:
    parts = (
        permit.event_id,
        permit.workspace,
        permit.destination,
        permit.subject,
        _digest(permit.fields),
        _digest(permit.purposes),
        permit.basis,
        permit.limited_use,
        permit.issued_ms,
        permit.expires_ms,
        _digest(permit.signals),
    )
    try:
        # A list of plain values in MessagePack reads back as one list only, so no two permits have the same bytes.
        written = _encode(parts)
    except UnicodeEncodeError:
        written = repr(parts).encode()  # half a surrogate pair; begins with another byte than MessagePack's list
    # Keyed BLAKE2 is a MAC by itself (RFC 7693, section 1): one pass where HMAC takes two.
    return hashlib.blake2b(written, key=_SECRET, digest_size=32).digest()


def _issue(
    *,
    event_id: str,
    workspace: str,
    destination: str,
    subject: str,
    fields: frozenset[str],
    purposes: frozenset[str],
    basis: str,
    limited_use: bool,
    issued_ms: int,
    expires_ms: int,
    signals: frozenset[str] = frozenset(),
) -> Permit:
    """Make a permit. For `rekindle.privacy.decide` alone; a test holds every other module to that."""
    permit = object.__new__(Permit)
    values: dict[str, object] = {
        "event_id": event_id,
        "workspace": workspace,
        "destination": destination,
        "subject": subject,
        "fields": fields,
        "purposes": purposes,
        "basis": basis,
        "limited_use": limited_use,
        "issued_ms": issued_ms,
        "expires_ms": expires_ms,
        "signals": signals,
    }
    for name, value in values.items():
        object.__setattr__(permit, name, value)
    object.__setattr__(permit, "_mark", _sign(permit))
    return permit
