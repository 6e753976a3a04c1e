"""Show a mapped event without what names a person: what changes when somebody else had done the same is left out.

The event is mapped three times, once for the person and once for each of two strangers of whom the same things are
known. What all three have in common says nothing of the person; the rest is described (a hash, so many characters).
So no list of private fields is kept for each platform, and a connector written tomorrow is masked as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from rekindle.model.event import Client, User
from rekindle.model.sealed import Sealed

_HASH: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_GONE: Final = object()

# Two of each, so that one that happens to be the person's own does not pass for common.
_STRANGERS: Final[Mapping[str, tuple[str, str]]] = {
    "ip": ("192.0.2.1", "198.51.100.2"),
    "user_agent": ("Mozilla/5.0 (one stranger)", "Mozilla/5.0 (another stranger)"),
    "client_id": ("1111.1111", "2222.2222"),
    "fbp": ("fb.1.1700000000000.1111111111", "fb.1.1700000000000.2222222222"),
    "fbc": ("fb.1.1700000000000.oneStranger", "fb.1.1700000000000.anotherStranger"),
    "email": ("one@stranger.example", "another@stranger.example"),
    "phone": ("+48600000001", "+48600000002"),
    "first_name": ("Ada", "Bruno"),
    "last_name": ("Onestranger", "Otherstranger"),
    "gender": ("f", "m"),
    "date_of_birth": ("1970-01-01", "1980-02-02"),
    "street": ("First Street 1", "Second Street 2"),
    "city": ("Onetown", "Othertown"),
    "region": ("Oneland", "Otherland"),
    "postal_code": ("11111", "22222"),
    "country": ("PL", "DE"),
}
# What device it is names nobody, and platforms tell events apart by it.
_COMMON: Final = frozenset({"device_type", "os"})


def stranger(person: Sealed, which: int) -> Sealed:
    """Return stranger ``which`` (0 or 1), of whom as much is known as of the person."""
    client = {name: _other(name, value, which) for name, value in msgspec.structs.asdict(person.client).items()}
    user = {name: _other(name, value, which) for name, value in msgspec.structs.asdict(person.user).items()}
    return Sealed(Client(**client), User(**user))


def _other(name: str, value: Any, which: int) -> Any:
    if not value or name in _COMMON:
        return value
    if isinstance(value, dict):
        return {key: f"{key}-stranger-{which}" for key in value}
    return _STRANGERS[name][which] if name in _STRANGERS else f"{name}-stranger-{which}"


def masked(own: Any, one: Any, other: Any, secret: Collection[str] = ()) -> Any:
    """Return ``own`` with every value described that is not also in ``one`` and ``other`` at the same place.

    ``secret`` are values that are described although all have them in common (consent strings).
    """
    if isinstance(own, dict):
        return {key: masked(each, _at(one, key), _at(other, key), secret) for key, each in own.items()}
    if isinstance(own, list | tuple):
        alike = all(isinstance(each, list | tuple) and len(each) == len(own) for each in (one, other))
        return [
            masked(each, one[place] if alike else _GONE, other[place] if alike else _GONE, secret)
            for place, each in enumerate(own)
        ]
    return own if own == one == other and own not in secret else _described(own)


def _at(found: Any, key: str) -> Any:
    return found.get(key, _GONE) if isinstance(found, dict) else _GONE


def _described(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return "(a number)"
    text = str(value)
    return "(a hash)" if _HASH.fullmatch(text) else f"({len(text)} characters)"
