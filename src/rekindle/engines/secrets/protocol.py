"""The protocol of a secret store; the conformance suite is `tests/engines/test_secrets.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class SecretMissing(LookupError):
    """No secret has that name; the message says where it was looked for, never a value."""


class Secrets(Protocol):
    """Names are lower-case words joined by ``_`` or ``/``; values are text."""

    def get(self, name: str) -> str:
        """Return the newest value. Raises `SecretMissing`."""
        ...

    def put(self, name: str, value: str) -> None:
        """Store a value durably. Raises `PermissionError` where the store is read-only."""
        ...

    def delete(self, name: str) -> None:
        """Delete a secret durably. Raises `SecretMissing`, or `PermissionError` where the store is read-only."""
        ...

    def names(self) -> Sequence[str]:
        """Return the names there are, sorted."""
        ...
