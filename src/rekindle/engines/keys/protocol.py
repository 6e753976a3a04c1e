"""The protocol of what protects the master key; the conformance suite is `tests/engines/test_keys.py`."""

from __future__ import annotations

from typing import Protocol

KEY_BYTES = 32


class KeyUnavailable(Exception):
    """The master key cannot be had now, so nothing opens; the message names place and remedy, never key or token."""


class KeyWrapping(Protocol):
    """A key is 32 bytes; its kept form is one line of ASCII. Calls block: make them before a loop runs."""

    def wrap(self, key: bytes) -> str:
        """Return the form in which ``key`` is kept. Raises `KeyUnavailable`."""
        ...

    def unwrap(self, kept: str) -> bytes:
        """Return the key of its kept form. Raises `KeyUnavailable`, also where another engine wrote that form."""
        ...

    def rewrap(self, kept: str) -> str:
        """Return the kept form of the same key under the wrapping key's newest version. Raises `KeyUnavailable`."""
        ...
