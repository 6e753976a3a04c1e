"""Join Parquet files of the same columns into one: row groups are copied as they lie, only the footer is made anew.

Source: Apache Parquet's ``parquet.thrift`` (numbers of fields) and Thrift's compact protocol (their bytes).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"PAR1"
_TAIL = 8
"""Behind the footer: its length in four bytes, and the magic number."""

_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 3, 7, 8, 9, 10, 12
_NUMBERS = (4, 5, 6)
_EMPTY = (1, 2)
"""Booleans: a field's header says which."""

_SCHEMA, _ROWS, _GROUPS = 2, 3, 4
"""Fields of FileMetaData."""

_Plan = Mapping[int, "_Plan | None"]
"""Which fields of a struct hold a place in the file (None), and which hold structs that do."""
_COLUMN: _Plan = {2: None, 3: {9: None, 10: None, 11: None, 14: None}, 4: None, 6: None}
_GROUP: _Plan = {1: _COLUMN, 5: None}


class Unjoinable(RuntimeError):
    """The files are not Parquet, or do not have the same columns."""


def join(parts: Sequence[Path], target: Path) -> None:
    """Make one file of several, in their order, which are used up. Raises `Unjoinable`."""
    first, *others = [(part, *_footer(part)) for part in parts]
    start, end, footer = first
    spans = _spans(footer)
    rows, groups = _number(footer, spans[_ROWS][0])[0], list(_elements(footer, spans[_GROUPS][0]))
    start.replace(target)
    with target.open("r+b") as out:
        out.truncate(end)
        out.seek(end)
        for part, stop, other in others:
            places = _spans(other)
            if other[slice(*places[_SCHEMA])] != footer[slice(*spans[_SCHEMA])]:
                raise Unjoinable(f"{part.name} has other columns than {start.name}")
            shift = end - len(_MAGIC)
            _append(part, len(_MAGIC), stop, out)
            part.unlink()
            rows += _number(other, places[_ROWS][0])[0]
            groups += [_moved(group, 0, _GROUP, shift)[0] for group in _elements(other, places[_GROUPS][0])]
            end = out.tell()
        head, between, rest = footer[: spans[_ROWS][0]], spans[_ROWS][1], spans[_GROUPS]
        whole = b"".join([head, _varint(rows), footer[between : rest[0]], _list(groups), footer[rest[1] :]])
        out.write(whole + len(whole).to_bytes(4, "little") + _MAGIC)


def _footer(path: Path) -> tuple[int, bytes]:
    """Return where the row groups end, and the footer behind them."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length + _TAIL + len(_MAGIC) > size:
            raise Unjoinable(f"{path.name} is no Parquet file")
        file.seek(size - _TAIL - length)
        return size - _TAIL - length, file.read(length)


def _append(part: Path, start: int, stop: int, out: BinaryIO) -> None:
    with part.open("rb") as source:
        source.seek(start)
        while start < stop:
            chunk = source.read(min(1 << 20, stop - start))
            if not chunk:
                raise Unjoinable(f"{part.name} ends before its footer")
            out.write(chunk)
            start += len(chunk)


def _spans(footer: bytes) -> dict[int, tuple[int, int]]:
    """Return where each field of the outermost struct has its value."""
    return {number: (start, end) for number, _, start, end in _fields(footer, 0)}


def _fields(data: bytes, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield a struct's fields: number, type, where the value begins and ends."""
    number = 0
    while header := data[at]:
        at += 1
        if header >> 4:
            number += header >> 4
        else:
            number, at = _number(data, at)
        end = _skip(data, at, header & 15)
        yield number, header & 15, at, end
        at = end


def _elements(data: bytes, at: int) -> Iterator[bytes]:
    """Yield the structs of a list."""
    count, _, at = _list_header(data, at)
    for _ in range(count):
        end = _skip(data, at, _STRUCT)
        yield data[at:end]
        at = end


def _moved(data: bytes, at: int, plan: _Plan, shift: int) -> tuple[bytes, int]:
    """Return a struct whose places in the file are ``shift`` bytes further on, and where the old one ends."""
    out, copied, end = bytearray(), at, at
    for number, kind, start, end in _fields(data, at):
        if number not in plan:
            continue
        out += data[copied:start]
        copied = end
        inner = plan[number]
        if inner is None:
            place = _number(data, start)[0]
            out += _varint(place + shift if place else 0)  # 0 says that the writer does not tell
        elif kind == _STRUCT:
            out += _moved(data, start, inner, shift)[0]
        else:
            out += _list([_moved(each, 0, inner, shift)[0] for each in _elements(data, start)])
    return bytes(out + data[copied : end + 1]), end + 1  # with the byte that ends it


def _skip(data: bytes, at: int, kind: int, in_list: bool = False) -> int:
    """Return where a value ends."""
    if kind in _NUMBERS:
        while data[at] & 0x80:
            at += 1
        return at + 1
    if kind == _BINARY:
        length, at = _unsigned(data, at)
        return at + length
    if kind == _STRUCT:
        end = at
        for *_, end in _fields(data, at):  # noqa: B007 - the last one's end is wanted
            pass
        return end + 1
    if kind in (_LIST, _SET):
        count, kind, at = _list_header(data, at)
        for _ in range(count):
            at = _skip(data, at, kind, True)
        return at
    if kind in _EMPTY:
        return at + in_list
    if kind in (_BYTE, _DOUBLE):
        return at + (1 if kind == _BYTE else 8)
    raise Unjoinable(f"the footer holds a value of type {kind}")


def _list_header(data: bytes, at: int) -> tuple[int, int, int]:
    count, kind = data[at] >> 4, data[at] & 15
    if count < 15:
        return count, kind, at + 1
    count, at = _unsigned(data, at + 1)
    return count, kind, at


def _list(structs: Sequence[bytes]) -> bytes:
    count = len(structs)
    header = bytes([count << 4 | _STRUCT]) if count < 15 else bytes([0xF0 | _STRUCT]) + _plain(count)
    return header + b"".join(structs)


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    value = bits = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << bits
        if byte < 0x80:
            return value, at
        bits += 7


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a signed number (zigzag) and where it ends."""
    value, at = _unsigned(data, at)
    return value >> 1 ^ -(value & 1), at


def _varint(value: int) -> bytes:
    return _plain(value << 1 if value >= 0 else ~(value << 1))


def _plain(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
