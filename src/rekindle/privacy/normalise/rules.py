"""What all normalisers share: the answer, hashing, and the handling of values that are hashed or empty.

The steps themselves (`steps.py`) are shared only where platforms document the same thing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

_HASHED = re.compile(r"[0-9a-fA-F]{64}")
_EMPTY_DIGESTS = frozenset(
    {
        hashlib.sha256(b"").hexdigest(),
        hashlib.sha256(b"null").hexdigest(),
        hashlib.sha256(b"undefined").hexdigest(),
    }
)
_NOTHING = frozenset({"", "null", "none", "undefined", "nan", "n/a", "(not set)"})


class Context(msgspec.Struct, frozen=True):
    """What a value needs to be read. ``default_region`` (ISO 3166-1) is the shop's, for numbers without country code.

    ``country`` is the person's, where known. ``choices`` settles what the platform's documents leave open; the names
    are in docs/privacy.md.
    """

    default_region: str | None = None
    country: str | None = None
    choices: Mapping[str, str] = msgspec.field(default_factory=dict)


OTHER_CHOICES: Mapping[str, str] = {"google_gmail_plus": "keep", "tiktok_phone": "digits", "microsoft_phone": "digits"}
"""What can be chosen instead of each default: whoever looks for hashes that were sent has to look for both."""


class Unusable(ValueError):
    """The value is none that the platform accepts; the message is a reason code without the value."""


Step = Callable[[str, Context], str]
"""Returns the normalised value, or raises `Unusable`."""


class Rule(msgspec.Struct, frozen=True):
    """One field: how it is normalised, and whether the platform wants it hashed."""

    step: Step
    hashed: bool = True


class Normalised(msgspec.Struct, frozen=True):
    """The answer. ``hash`` is None for what the platform wants in clear; ``hashes`` holds further kinds (Criteo)."""

    verdict: Literal["ok", "reject"]
    normalized: str | None = None
    hash: str | None = None
    reason: str | None = None
    hashes: Mapping[str, str] | None = None


_ALIASES = {
    "em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "given_name": "first_name",
    "family_name": "last_name", "ct": "city", "st": "region", "state": "region", "zp": "postal_code",
    "zip": "postal_code", "zip_code": "postal_code", "postcode": "postal_code", "db": "date_of_birth",
    "dob": "date_of_birth", "birthday": "date_of_birth", "ge": "gender", "external_id": "user_id",
    "country_code": "country", "address": "street", "phone_number": "phone",
}  # fmt: skip


class Platform:
    """One platform's rules, by the field names of `rekindle.model.event.User` (and their usual short forms)."""

    def __init__(
        self,
        name: str,
        version: str,
        rules: Mapping[str, Rule],
        *,
        extra: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self._rules = rules
        self._extra = extra

    @property
    def fields(self) -> frozenset[str]:
        """The fields the platform accepts."""
        return frozenset(self._rules)

    def normalise(self, field: str, value: str, context: Context | None = None) -> Normalised:
        """Normalise and hash one value. Never raises; never hashes nothing; never hashes a hash again."""
        rule = self._rules.get(_ALIASES.get(field, field))
        if rule is None:
            return Normalised("reject", reason="field-not-accepted")
        text = value.strip()
        if text.lower() in _NOTHING:
            return Normalised("reject", reason="empty")
        if text.lower() in _EMPTY_DIGESTS:
            return Normalised("reject", reason="hash-of-nothing")
        if rule.hashed and _HASHED.fullmatch(text):
            text = text.lower()
            return Normalised("ok", text, text)
        try:
            normal = rule.step(value, context or Context())
        except Unusable as unusable:
            return Normalised("reject", reason=str(unusable))
        if not normal:
            return Normalised("reject", reason="empty")
        if not rule.hashed:
            return Normalised("ok", normal)
        return Normalised("ok", normal, sha256(normal), None, None if self._extra is None else self._extra(normal))

    def digest(self, field: str, value: str, *, default_region: str | None = None) -> str | None:
        """Return what is sent for one value: its hash, or itself where the platform wants it in clear; or None."""
        answer = self.normalise(field, value, Context(default_region=default_region))
        return answer.normalized if answer.hash is None else answer.hash


def sha256(text: str) -> str:
    """Return SHA-256 of the text's UTF-8 as lower-case hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
