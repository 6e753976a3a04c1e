"""Look at every line of a file, and write those that the table engine is to read into parts that it reads evenly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from rekindle.catalog._shape import Shape
from rekindle.catalog.staging import LARGEST, Progress
from rekindle.catalog.values import PHP_MARK

_BLOCK: Final = 256
"""Lines that are decoded together: few enough to stay in the processor's cache."""

VECTOR: Final = 2048
"""Rows of the engine's vectors; parts hold whole ones, so that the same rows make the same groups of a file."""

_PART: Final = 24 << 20
"""Bytes from which on a part is closed; the engine reads twice `LARGEST` in one go."""

_BEYOND: Final = re.compile(rb"\\[bfu]")
"""Escapes of what is not ASCII, or a control character."""

_PHP: Final = PHP_MARK.encode()

SOME: Final = 2_000
_PLACEHOLDER: Final = b"{}\n"


class TooOdd(Exception):
    """So many lines are not of the shape that reading the others apart does not pay."""


class Tidied(msgspec.Struct):
    """The parts, in which every line is an object of the shape, or an empty one in the place of an odd line.

    ``odd`` are the numbers of those; ``ids`` some numbers of others with the id in them; ``ascending``: all ids are texts,
    each beyond the one before; ``even``: no part is longer than it should be; ``plain``: no text has a
    control character, one beyond ASCII, or a message of PHP.
    """

    parts: list[Path] = msgspec.field(default_factory=list)
    lines: int = 0
    odd: set[int] = msgspec.field(default_factory=set)
    ids: dict[int, str] = msgspec.field(default_factory=dict)
    ascending: bool = True
    even: bool = True
    plain: bool = True


def tidy(path: Path, shape: Shape, folder: Path, most: float, progress: Progress | None = None) -> Tidied:
    """Return the parts of a file, which are in ``folder``. ``most`` is the share of odd lines that is borne.

    White space at the end of the file is left out. Raises `TooOdd`.
    """
    tidied = Tidied()
    last = ""
    written = 0
    out: IO[bytes] | None = None
    try:
        for lines in _blocks(path):
            if out is None or (written >= _PART and tidied.lines % VECTOR == 0):
                if out is not None:
                    out.close()
                tidied.parts.append(folder / f"part-{len(tidied.parts)}.jsonl")
                out, written = tidied.parts[-1].open("wb"), 0
            block, found, first = _read(lines, shape, tidied)
            out.write(block)
            written += len(block)
            tidied.even = tidied.even and written < 2 * LARGEST - _BLOCK
            if len(tidied.odd) > SOME + most * tidied.lines:
                raise TooOdd
            if found:
                ids = shape.ids(found)
                if first % VECTOR == 1 and type(ids[0]) is str:
                    tidied.ids[first] = ids[0]
                if tidied.ascending:
                    last, tidied.ascending = _follow(last, ids)
            if progress and tidied.lines % VECTOR == 0:
                progress(tidied.lines)
    finally:
        if out is not None:
            out.close()
    return tidied


def _read(lines: list[bytes], shape: Shape, tidied: Tidied) -> tuple[bytes, list[Any], int]:
    """Return the block to write, what its lines hold, and the number of the first of those (0: of an odd one)."""
    number = tidied.lines + 1
    tidied.lines += len(lines)
    block = b"".join(lines)
    if not block.endswith(b"\n"):
        block += b"\n"
    if tidied.plain:
        tidied.plain = _is_plain(block)
    if (found := shape.holds(block, len(lines))) is not None:
        return block, found, number
    objects: list[Any] = []
    for place, line in enumerate(lines):
        held = shape.holds(line, 1) if len(line) < LARGEST // 2 else None
        if held is None:
            tidied.odd.add(number + place)
            lines[place] = _PLACEHOLDER
        else:
            objects += held
    first = 0 if number in tidied.odd else number
    return b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines), objects, first


def _is_plain(block: bytes) -> bool:
    return block.isascii() and b"\x7f" not in block and _PHP not in block and _BEYOND.search(block) is None


def _blocks(path: Path) -> Iterator[list[bytes]]:
    """Yield the lines of a file; blank ones at its end are left out, unless they are very many."""
    with path.open("rb") as file:
        lines = list(islice(file, _BLOCK))
        while lines:
            ahead = list(islice(file, _BLOCK))
            if not ahead:
                while lines and not lines[-1].strip():
                    lines.pop()
            if lines:
                yield lines
            lines = ahead


def _follow(last: str, ids: list[Any]) -> tuple[str, bool]:
    """Return the last id, and whether each is beyond the one before it, by code points, as the engine sorts."""
    if not all(type(identity) is str for identity in ids):
        return last, False
    return ids[-1], last < ids[0] and ids == sorted(ids) and len(set(ids)) == len(ids)
