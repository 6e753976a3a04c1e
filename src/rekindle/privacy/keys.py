"""The installation's own keys: made once, kept in the secret store, never shown."""

from __future__ import annotations

import base64
import hmac
import os
import re
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rekindle.engines.secrets import SecretMissing, Secrets

_SIZE = 32
_EPOCH = re.compile(r"keys/(pseudonym|vault)_([1-9][0-9]{0,2})")


class KeyUnusable(Exception):
    """A key is missing and cannot be made, or is not 256 bits; the message names it, never its value."""


class Keyring:
    """256-bit keys by purpose. Pseudonym and vault keys come in epochs, so that they can be rotated.

    Secrets: ``keys/identity``, ``keys/pseudonym_<epoch>``, ``keys/vault_<epoch>``, ``keys/ledger``, ``keys/cookie``; text
    is base64.
    The first use makes what is missing. Let one process do that (`rekindle init`) before several start.
    """

    def __init__(self, secrets: Secrets, random: Callable[[int], bytes] = os.urandom) -> None:
        self._secrets = secrets
        self._random = random
        self._cache: dict[str, bytes] = {}
        self._epochs = self._look()

    def ensure(self) -> None:
        """Make every key that is missing. Raises `KeyUnusable`."""
        self.identity_key()
        self.pseudonym_key()
        self.vault_key()
        self.ledger_key()
        self.cookie_key()

    @property
    def pseudonym_epoch(self) -> int:
        """The epoch new pseudonyms are made with."""
        return self._epochs["pseudonym"]

    @property
    def vault_epoch(self) -> int:
        """The epoch of the key that wraps new vault keys."""
        return self._epochs["vault"]

    def pseudonym_epochs(self) -> tuple[int, ...]:
        """Return every epoch whose pseudonym key is kept, the newest first; reads the secret store."""
        names = [found for name in self._secrets.names() if (found := _EPOCH.fullmatch(name))]
        kept = sorted((int(found[2]) for found in names if found[1] == "pseudonym"), reverse=True) or [1]
        for name in [name for name in self._cache if name.startswith("keys/pseudonym_")]:
            if int(name.rpartition("_")[2]) not in kept:
                del self._cache[name]  # another process has destroyed it
        self._epochs["pseudonym"] = kept[0]
        return tuple(kept)

    def newest_vault_epoch(self) -> int:
        """Return the newest epoch, also when another process started it since; reads the secret store."""
        self._epochs["vault"] = max(self._epochs["vault"], self._look()["vault"])
        return self._epochs["vault"]

    def identity_key(self) -> bytes:
        """Return the HMAC key that identifiers are named with, in every epoch alike; it is never rotated.

        It is not made beside pseudonym keys that are there already: everybody would become a stranger.
        """
        held = self._cache.get("keys/identity")
        if held is not None:
            return held
        alone = not any(name.startswith("keys/pseudonym_") for name in self._secrets.names())
        return self._key("keys/identity", make=alone)

    def pseudonym_key(self, epoch: int | None = None) -> bytes:
        """Return the AES key of an epoch, the newest by default. An older epoch is never made anew."""
        return self._epoch_key("pseudonym", epoch)

    def vault_key(self, epoch: int | None = None) -> bytes:
        """Return the key-encryption key of an epoch, the newest by default."""
        return self._epoch_key("vault", epoch)

    def ledger_key(self) -> Ed25519PrivateKey:
        """Return the key that signs the ledger's checkpoints."""
        return Ed25519PrivateKey.from_private_bytes(self._key("keys/ledger", make=True))

    def cookie_key(self) -> bytes:
        """Return the HMAC key for first-party cookies."""
        return self._key("keys/cookie", make=True)

    def derive(self, purpose: str) -> bytes:
        """Return a 256-bit key for another purpose of this installation, derived from the cookie key."""
        return hmac.digest(self.cookie_key(), b"rekindle/derive\x1f" + purpose.encode(), "sha256")

    def rotate(self, kind: str) -> int:
        """Start a new epoch of ``pseudonym`` or ``vault`` and return its number."""
        epoch = self._epochs[kind] + 1
        self._make(f"keys/{kind}_{epoch}")
        self._epochs[kind] = epoch
        return epoch

    def retire_vault_keys(self) -> int:
        """Delete every key-encryption key but the newest; return how many. `Vault.rewrap` every workspace first.

        Raises `KeyUnusable` where a key is not ours to delete.
        """
        newest = self.newest_vault_epoch()
        old = [name for name in self._secrets.names() if (found := _EPOCH.fullmatch(name)) and found[1] == "vault"]
        old = [name for name in old if name != f"keys/vault_{newest}"]
        for name in old:
            self._delete(name)
        return len(old)

    def retire_pseudonym_key(self, epoch: int) -> None:
        """Delete the key of an older epoch: its pseudonyms lead to nobody from then on. Raises `KeyUnusable`."""
        if epoch >= self.pseudonym_epochs()[0]:
            raise KeyUnusable(f"pseudonym epoch {epoch} is in use; rotate first")
        self._delete(f"keys/pseudonym_{epoch}")

    def _delete(self, name: str) -> None:
        try:
            self._secrets.delete(name)
        except (PermissionError, SecretMissing) as refused:
            raise KeyUnusable(f"key {name!r} cannot be deleted here: {refused}") from None
        self._cache.pop(name, None)

    def _look(self) -> dict[str, int]:
        epochs: dict[str, int] = {"pseudonym": 1, "vault": 1}
        for name in self._secrets.names():
            found = _EPOCH.fullmatch(name)
            if found:
                epochs[found[1]] = max(epochs[found[1]], int(found[2]))
        return epochs

    def _epoch_key(self, kind: str, epoch: int | None) -> bytes:
        newest = self._epochs[kind]
        number = newest if epoch is None else epoch
        return self._key(f"keys/{kind}_{number}", make=number == newest == 1)

    def _key(self, name: str, *, make: bool) -> bytes:
        found = self._cache.get(name)
        if found is not None:
            return found
        try:
            text = self._secrets.get(name)
        except SecretMissing as missing:
            if not make or name in self._secrets.names():
                # Sealed with another master key: making a new one would orphan everything the old one protects.
                raise KeyUnusable(f"key {name!r} cannot be read: {missing}") from None
            return self._make(name)
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) != _SIZE:
            raise KeyUnusable(f"key {name!r} is not {_SIZE} bytes in base64; restore it from the backup of the secrets")
        self._cache[name] = key
        return key

    def _make(self, name: str) -> bytes:
        key = self._random(_SIZE)
        try:
            self._secrets.put(name, base64.b64encode(key).decode())
        except PermissionError as refused:
            raise KeyUnusable(f"key {name!r} is not set and cannot be made: {refused}") from None
        self._cache[name] = key
        return key
