"""Rules that several simulated platforms check alike: hashes in hexadecimal, of something, in the platform's own form."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

_EXPIRED: Final = "expired"
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NOTHING: Final = frozenset(hashlib.sha256(word).hexdigest() for word in (b"", b" ", b"null", b"undefined", b"None"))


def digest(value: Any) -> bool:
    """Say whether ``value`` is a lower-case SHA-256 of something. Stricter than the platforms, which match nobody."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None and value not in _NOTHING


def bearer(headers: Any) -> bool:
    """Say whether a call brings a token."""
    kind, _, token = str(headers.get("authorization", "")).partition(" ")
    return kind == "Bearer" and bool(token) and token != _EXPIRED


def number(value: Any) -> bool:
    """Say whether ``value`` is a JSON number that is not negative."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
