"""Keyed pseudonyms: the only name a person has in the log, in profiles and in audiences.

HMAC-SHA256 with a secret key, one domain for each workspace and kind of identifier (EDPB Guidelines 01/2025: a keyed
function with a high-entropy secret, held apart, inside a named pseudonymisation domain).
"""

from __future__ import annotations

import base64
import hmac
import unicodedata

import phonenumbers

from rekindle.privacy.keys import Keyring

_BYTES = 16
_MARK = b"rekindle/pseudonym/1"


class Pseudonymiser:
    """Turns identifiers into subjects such as ``s1_…``: the key's epoch, then 128 bits in base 32."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def subject(self, workspace: str, kind: str, raw: str, *, region: str | None = None) -> str:
        """Return the pseudonym of one identifier, with the newest key.

        ``kind`` is ``cookie``, ``email``, ``phone``, ``user_id`` …; e-mail and phone are normalised first, other
        kinds are taken byte for byte. ``region`` (ISO 3166-1) reads a phone number without country code.
        Raises `ValueError` when nothing is left to name (never with the value in it).
        """
        epoch = self._keyring.pseudonym_epoch
        return self._make(epoch, workspace, kind, canonical(kind, raw, region))

    def subjects(self, workspace: str, kind: str, raw: str, epochs: range, *, region: str | None = None) -> list[str]:
        """Return the pseudonyms of one identifier under several epochs, for the window after a rotation."""
        value = canonical(kind, raw, region)
        return [self._make(epoch, workspace, kind, value) for epoch in epochs]

    def _make(self, epoch: int, workspace: str, kind: str, value: str) -> str:
        message = b"\x1f".join((_MARK, workspace.encode(), kind.encode(), value.encode()))
        digest = hmac.digest(self._keyring.pseudonym_key(epoch), message, "sha256")
        return f"s{epoch}_{base64.b32encode(digest[:_BYTES])[:26].decode().lower()}"


def canonical(kind: str, raw: str, region: str | None = None) -> str:
    """Return the form of an identifier that is pseudonymised: one for all spellings of one address or number.

    Raises `ValueError` for an empty one.
    """
    if "\x1f" in kind:
        raise ValueError("a kind of identifier has no control characters")
    value = raw
    if kind == "email":
        value = unicodedata.normalize("NFC", raw).strip().lower()
    elif kind == "phone":
        value = _phone(raw, region)
    if not value:
        raise ValueError(f"the {kind} identifier is empty; leave it out")
    return value


def _phone(raw: str, region: str | None) -> str:
    try:
        return phonenumbers.format_number(phonenumbers.parse(raw, region), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return "".join(letter for letter in raw if letter.isdigit())
