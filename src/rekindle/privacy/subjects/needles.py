"""What a search for survivors looks for: a person's pseudonyms and identifying values, in every form they may be in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Iterator

import msgspec

from rekindle.model.sealed import Sealed
from rekindle.privacy.normalise import OTHER_CHOICES, PLATFORMS, Context, Platform
from rekindle.privacy.pseudonyms import canonical

SHORTEST = 6
"""A shorter value is in many files by chance, and finding it says nothing."""

# Values that many people share say nothing of one: names, cities, countries, dates, devices, programs.
_SHARED_BY_MANY = frozenset(
    {"first_name", "last_name", "gender", "date_of_birth", "city", "region", "postal_code", "country"}
    | {"user_agent", "device_type", "os"}
)


class Needles(msgspec.Struct, frozen=True):
    """``forms`` maps each byte string to look for to what it is (never to the value); ``skipped`` were too short."""

    forms: dict[bytes, str]
    skipped: int = 0


def needles(
    names: Iterable[str],
    raw: Iterable[tuple[str, str]],
    region: str | None,
    platforms: Collection[Platform] = tuple(PLATFORMS.values()),
) -> Needles:
    """Return what to look for: pseudonyms, and ``(field, value)`` pairs plain, encoded and hashed as platforms want."""
    forms: dict[bytes, str] = {}
    for name in names:
        for form, how in _encodings(name.encode()):
            forms.setdefault(form, f"pseudonym, {how}")
    skipped = 0
    for field, value in sorted(set(raw)):
        if len(value) < SHORTEST:
            skipped += 1
            continue
        for text in _spellings(field, value, region):
            for form, how in _encodings(text.encode("utf-8", "surrogatepass")):
                forms.setdefault(form, f"{field}, {how}")
        for digest in _digests(field, value, region, platforms):
            forms.setdefault(digest.encode(), f"{field}, hashed")
            forms.setdefault(digest.upper().encode(), f"{field}, hashed")
            if len(digest) == 64:
                forms.setdefault(bytes.fromhex(digest), f"{field}, hashed")
                forms.setdefault(base64.b64encode(bytes.fromhex(digest)).rstrip(b"="), f"{field}, hashed")
    return Needles(forms, skipped)


def identifying(sealed: Iterable[Sealed]) -> Iterator[tuple[str, str]]:
    """Yield the values of sealed parts that tell who somebody is."""
    for part in sealed:
        for group in (part.client, part.user):
            for field, value in msgspec.structs.asdict(group).items():
                if isinstance(value, str) and value and field not in _SHARED_BY_MANY:
                    yield field, value
        for value in (part.user.external or {}).values():
            yield "external", value


def _spellings(field: str, value: str, region: str | None) -> set[str]:
    found = {value}
    if field in ("email", "phone"):
        try:
            found.add(canonical(field, value, region))
        except ValueError:
            found.add(value.strip().lower())
    return {text for text in found if len(text) >= SHORTEST}


def _digests(field: str, value: str, region: str | None, platforms: Collection[Platform]) -> set[str]:
    found = {hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()}
    for platform in platforms:
        for choices in ({}, OTHER_CHOICES):
            answer = platform.normalise(field, value, Context(default_region=region, choices=choices))
            if answer.hash is not None:
                found.add(answer.hash)
            found.update((answer.hashes or {}).values())
    return found


def _encodings(plain: bytes) -> Iterator[tuple[bytes, str]]:
    yield plain, "plain"
    yield plain.hex().encode(), "hex"
    yield plain.hex().upper().encode(), "hex"
    # The two ends of base64 depend on the neighbours and are left off; the middle is the same at each of three places.
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        start = -(-shift * 8 // 6) if shift else 0
        whole = (len(plain) + shift) * 8 // 6
        middle = coded[start:whole]
        if len(middle) > SHORTEST:
            yield middle, "base64"
            yield middle.replace(b"+", b"-").replace(b"/", b"_"), "base64"
