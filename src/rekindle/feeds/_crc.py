"""CRC-32 of joined texts from those of their parts, so that a part that is copied need not be read.

Source: RFC 1952, section 8 (the polynomial); that a checksum behind n more zero bytes is a linear map of it, which can
be squared, is arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_POLYNOMIAL = 0xEDB88320
_BITS = 40
"""Powers of two that a part's length may be made of: a terabyte."""

_Map = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]]
"""What becomes of each value of each byte of a checksum, lowest byte first."""


def combine(first: int, second: int, size: int) -> int:
    """Return the checksum of two texts, one behind the other, by theirs and the second one's number of bytes."""
    if not first:
        return second
    for bit, (a, b, c, d) in enumerate(_maps()):
        if not size >> bit:
            break
        if size >> bit & 1:
            first = a[first & 255] ^ b[first >> 8 & 255] ^ c[first >> 16 & 255] ^ d[first >> 24]
    return first ^ second


@lru_cache(maxsize=1)
def _maps() -> Sequence[_Map]:
    """Return what 1, 2, 4, 8, … zero bytes do to a checksum."""
    images = [1 << bit for bit in range(32)]
    for _ in range(8):
        images = [value >> 1 ^ (_POLYNOMIAL if value & 1 else 0) for value in images]
    found = []
    for _ in range(_BITS):
        a, b, c, d = found_map = _expanded(images)
        found.append(found_map)
        images = [a[value & 255] ^ b[value >> 8 & 255] ^ c[value >> 16 & 255] ^ d[value >> 24] for value in images]
    return found


def _expanded(images: Sequence[int]) -> _Map:
    tables = []
    for start in range(0, 32, 8):
        table = [0]
        for image in images[start : start + 8]:
            table += [value ^ image for value in table]
        tables.append(table)
    return tables[0], tables[1], tables[2], tables[3]
