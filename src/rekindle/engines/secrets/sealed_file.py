"""Secrets in one file, each sealed with AES-256-GCM under the installation's master key."""

from __future__ import annotations

import os
import secrets as random
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rekindle.engines.secrets.protocol import SecretMissing

_NONCE = 12


class SealedFileSecrets:
    """The name is authenticated with the value, so that sealed values cannot be swapped for one another."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._cipher = AESGCM(key)

    def get(self, name: str) -> str:
        """See `Secrets.get`."""
        sealed = self._load().get(name)
        if sealed is None:
            raise SecretMissing(f"secret {name!r} is not set: run `rekindle secrets set {name}`")
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode()).decode()
        except InvalidTag:
            raise SecretMissing(f"secret {name!r} was sealed with another master key") from None

    def put(self, name: str, value: str) -> None:
        """See `Secrets.put`."""
        nonce = random.token_bytes(_NONCE)
        everything = self._load()
        everything[name] = nonce + self._cipher.encrypt(nonce, value.encode(), name.encode())
        self._store(everything)

    def delete(self, name: str) -> None:
        """See `Secrets.delete`."""
        everything = self._load()
        if everything.pop(name, None) is None:
            raise SecretMissing(f"secret {name!r} is not set")
        self._store(everything)

    def names(self) -> Sequence[str]:
        """See `Secrets.names`."""
        return sorted(self._load())

    def _store(self, everything: dict[str, bytes]) -> None:
        temporary = self._path.with_suffix(".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.encode(everything))
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(self._path)

    def _load(self) -> dict[str, bytes]:
        if not self._path.exists():
            return {}
        return msgspec.json.decode(self._path.read_bytes(), type=dict[str, bytes])
