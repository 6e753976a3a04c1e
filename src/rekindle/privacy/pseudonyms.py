"""Keyed pseudonyms: the only name a person has in the log, in profiles and in audiences.

Two steps. HMAC-SHA256 with a secret root key, one domain for each workspace and kind of identifier, makes 128 bits of an
identifier (EDPB Guidelines 01/2025: a keyed function with a high-entropy secret, held apart, inside a named
pseudonymisation domain). They are stored nowhere. AES-256 with the key of the epoch, on that one block, makes the
pseudonym of them. So whoever holds the keys of two epochs can tell which pseudonyms belong together, without the
identifier; and when an epoch's key is destroyed, its pseudonyms lead to nobody, neither to an identifier nor to a later
pseudonym.
"""

from __future__ import annotations

import base64
import hmac
import re
import threading
import unicodedata

import phonenumbers
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from rekindle.model.clock import Clock, system_clock
from rekindle.privacy.keys import Keyring

_BYTES = 16
_MARK = b"rekindle/pseudonym/2"
_FORM = re.compile(r"s([1-9][0-9]{0,2})_([a-z2-7]{26})")
_LOOK_MS = 1_000
_REMEMBERED, _LONGEST = 4_096, 128  # entries, and the characters of one


class Pseudonymiser:
    """Turns identifiers into subjects such as ``s1_…``: the key's epoch, then 128 bits in base 32.

    Keeps `rekindle.model.names.Names`. Another process's rotation is noticed within a second of ``clock``, or at once
    when one of its names is met. Raises `KeyUnusable` where a key cannot be read.
    """

    def __init__(self, keyring: Keyring, clock: Clock = system_clock) -> None:
        self._keyring = keyring
        self._clock = clock
        self._epochs: tuple[int, ...] = ()
        self._looked_ms = -_LOOK_MS
        self._ciphers = threading.local()
        self._cookies: dict[tuple[int, str, str], str] = {}  # visitors come back; bounded, and only in memory

    def subject(self, workspace: str, kind: str, raw: str, *, region: str | None = None) -> str:
        """Return the pseudonym of one identifier, with the newest key.

        ``kind`` is ``cookie``, ``email``, ``phone``, ``user_id`` …; e-mail and phone are normalised first, other
        kinds are taken byte for byte. ``region`` (ISO 3166-1) reads a phone number without country code.
        Raises `ValueError` when nothing is left to name (never with the value in it).
        """
        newest = self._look()[0]
        if kind != "cookie":
            return self._name(newest, self._inner(workspace, kind, canonical(kind, raw, region)))
        found = self._cookies.get((newest, workspace, raw))
        if found is None:
            found = self._name(newest, self._inner(workspace, kind, canonical(kind, raw)))
            if len(raw) <= _LONGEST:
                if len(self._cookies) >= _REMEMBERED:
                    self._cookies.clear()
                self._cookies[newest, workspace, raw] = found
        return found

    def current(self, subject: str) -> str:
        """See `Names.current`. A name whose key was destroyed, and what is no pseudonym, comes back as it is."""
        if subject.startswith(self.newest()):
            return subject
        inner = self._read(subject)
        return subject if inner is None else self._name(self._epochs[0], inner)

    def newest(self) -> str:
        """See `Names.newest`."""
        return f"s{self._look()[0]}_"

    def aliases(self, subject: str) -> tuple[str, ...]:
        """See `Names.aliases`."""
        epochs = self._look()
        if len(epochs) == 1 and subject.startswith(f"s{epochs[0]}_"):
            return (subject,)
        inner = self._read(subject)
        return (subject,) if inner is None else tuple(self._name(epoch, inner) for epoch in self._epochs)

    def root(self, subject: str) -> str | None:
        """See `Names.root`."""
        self._look()
        inner = self._read(subject)
        if inner is not None:
            return f"r_{inner.hex()}"
        return None if _FORM.fullmatch(subject) else subject

    def _look(self) -> tuple[int, ...]:
        now = self._clock()
        if not 0 <= now - self._looked_ms < _LOOK_MS:
            epochs = self._keyring.pseudonym_epochs()
            if epochs != self._epochs:
                self._epochs = epochs
                self._cookies.clear()
            self._looked_ms = now
        return self._epochs

    def _inner(self, workspace: str, kind: str, value: str) -> bytes:
        message = b"\x1f".join((_MARK, workspace.encode(), kind.encode(), value.encode()))
        return hmac.digest(self._keyring.identity_key(), message, "sha256")[:_BYTES]

    def _name(self, epoch: int, inner: bytes) -> str:
        block = self._cipher(epoch)[0].update(inner)
        return f"s{epoch}_{base64.b32encode(block)[:26].decode().lower()}"

    def _read(self, subject: str) -> bytes | None:
        found = _FORM.fullmatch(subject)
        if found is None:
            return None
        epoch = int(found[1])
        if epoch > self._epochs[0]:
            self._looked_ms = -_LOOK_MS  # made by a process that knows more
            self._look()
        if epoch not in self._epochs:
            return None
        return self._cipher(epoch)[1].update(base64.b32decode(found[2].upper() + "======"))

    def _cipher(self, epoch: int) -> tuple[CipherContext, CipherContext]:
        # One block is in and out again at once, so a context can be used for ever, by one thread.
        held: dict[int, tuple[CipherContext, CipherContext]] = self._ciphers.__dict__.setdefault("held", {})
        found = held.get(epoch)
        if found is None:
            cipher = Cipher(algorithms.AES(self._keyring.pseudonym_key(epoch)), modes.ECB())  # noqa: S305 -- one block
            found = held[epoch] = (cipher.encryptor(), cipher.decryptor())
        return found


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
