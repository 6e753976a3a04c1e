"""Read a base64url string bit by bit, as all IAB strings are written."""

from __future__ import annotations

import base64
import re

from rekindle.privacy.consent.reading import Refused

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
Intervals = tuple[tuple[int, int], ...]


class IdSet:
    """A set of ids 1…65,535 as it was written: a bit field, or intervals. Membership without building sets."""

    __slots__ = ("_field", "_intervals", "_width")

    def __init__(self, width: int = 0, field: int = 0, intervals: Intervals | None = None) -> None:
        self._width = width
        self._field = field
        self._intervals = intervals

    def __contains__(self, number: int) -> bool:
        if self._intervals is not None:
            return any(first <= number <= last for first, last in self._intervals)
        return 1 <= number <= self._width and bool(self._field >> (self._width - number) & 1)

    def ids(self) -> list[int]:
        """Return the ids, ascending."""
        if self._intervals is not None:
            found: set[int] = set()
            for first, last in self._intervals:
                found.update(range(first, last + 1))
            return sorted(found)
        digits = f"{self._field:0{self._width}b}" if self._width else ""
        return [place for place, digit in enumerate(digits, 1) if digit == "1"]

    def runs(self) -> list[tuple[int, int]]:
        """Return the ids as intervals, as they were written or one by one."""
        return [(one, one) for one in self.ids()] if self._intervals is None else list(self._intervals)


class Bits:
    """A cursor over the bits of one segment. Every reader raises `Refused` at the end of the bits."""

    __slots__ = ("_at", "_data", "_size", "_where")

    def __init__(self, text: str, where: str) -> None:
        if not _ALPHABET.fullmatch(text):
            raise Refused(f"{where}: not base64url" if text else f"{where}: empty")
        # 6 bits a character, whatever the length: a string is not always a whole number of bytes.
        # The eight bytes more are for `ranges`, which looks ahead; `_size` ends before them.
        self._data = base64.urlsafe_b64decode(text + "A" * (-len(text) % 4)) + bytes(8)
        self._size = 6 * len(text)
        self._at = 0
        self._where = where

    @property
    def left(self) -> int:
        """How many bits are unread."""
        return self._size - self._at

    def integer(self, width: int, name: str) -> int:
        """Read an unsigned number. Costs what its width costs, however long the string is."""
        start = self._at
        end = self._at = start + width
        if end > self._size:
            raise Refused(f"{self._where}: ends inside {name}")
        return int.from_bytes(self._data[start >> 3 : (end + 7) >> 3]) >> (-end & 7) & ((1 << width) - 1)

    def flag(self, name: str) -> bool:
        """Read one bit."""
        return self.integer(1, name) == 1

    def positions(self, width: int, name: str) -> IdSet:
        """Read a bit field of fixed width; bit 1 comes first."""
        return IdSet(width, self.integer(width, name))

    def letters(self, name: str) -> str:
        """Read two letters of six bits, A is 0."""
        first, second = self.integer(6, name), self.integer(6, name)
        if first > 25 or second > 25:
            raise Refused(f"{self._where}: {name} is not two letters")
        return chr(65 + first) + chr(65 + second)

    def ranges(self, name: str, highest: int = 65_535) -> Intervals:
        """Read ``NumEntries`` and the entries of a range encoding."""
        count = self.integer(12, name)
        # An entry has at most 33 bits, so six bytes from where it begins hold it: one look for each entry.
        data, at, number = self._data, self._at, int.from_bytes
        found = []
        for _ in range(count):
            byte, bit = divmod(at, 8)
            window = number(data[byte : byte + 6]) << bit
            first = window >> 31 & 0xFFFF
            if window >> 47 & 1:
                last = window >> 15 & 0xFFFF
                at += 33
            else:
                last = first
                at += 17
            if not 0 < first <= last <= highest:
                break
            found.append((first, last))
        if at > self._size:
            raise Refused(f"{self._where}: ends inside {name}")
        if len(found) < count:
            raise Refused(f"{self._where}: {name} has a range that is empty, reversed or above its maximum")
        self._at = at
        return tuple(found)

    def vendors(self, name: str) -> IdSet:
        """Read ``MaxVendorId``, the encoding bit and the field or ranges."""
        highest = self.integer(16, name)
        if self.flag(name):
            return IdSet(intervals=self.ranges(name, highest))
        return IdSet(highest, self.integer(highest, name))

    def fibonacci(self, name: str) -> int:
        """Read a number of at least 1 in Fibonacci coding: it ends with two set bits."""
        total, current, following, previous = 0, 1, 2, 0
        for _ in range(24):
            bit = self.integer(1, name)
            if bit and previous:
                return total
            total += current * bit
            current, following, previous = following, current + following, bit
        raise Refused(f"{self._where}: {name} has a Fibonacci number that does not end")

    def fibonacci_range(self, name: str, highest: int) -> list[int]:
        """Read ``Range(Fibonacci)``: offsets, so the ids ascend by themselves. None may exceed ``highest``."""
        found: list[int] = []
        last = 0
        for _ in range(self.integer(12, name)):
            is_group = self.flag(name)
            first = last + self.fibonacci(name)
            last = first + self.fibonacci(name) if is_group else first
            if last > highest:
                raise Refused(f"{self._where}: {name} names an id above {highest}")
            found.extend(range(first, last + 1))
        return found

    def end(self) -> None:
        """Check that only padding is left: zeros, and fewer than 24 of them (encoders fill up to 6, 8 or 24 bits)."""
        left = self.left
        if left >= 24:
            raise Refused(f"{self._where}: {left} bits after the last field")
        if self.integer(left, "the padding"):
            raise Refused(f"{self._where}: the padding is not zero")
