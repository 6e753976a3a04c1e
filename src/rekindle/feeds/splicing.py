"""Make a file of an earlier one: what did not change is copied, plain and compressed, the rest is written anew.

The result is the same, byte for byte, as that of a full build of the same items.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rekindle.feeds import _gzip
from rekindle.feeds.layout import Block, Layout


class Edit(NamedTuple):
    """What stands before or in the place of an item of the earlier file.

    ``place`` counts all its items from 0. ``replaces`` is false for an item that comes in before it. ``line`` is empty
    for one that is not published. ``gone`` says that the catalogue has it no more; ``ends`` that a block ends behind it.
    """

    place: int
    replaces: bool
    line: bytes
    gone: bool
    ends: bool


Read = Callable[[int, int], bytes]
"""Returns bytes of the earlier file: from where, and how many."""

CHUNK = 4 << 20
"""Bytes of untouched blocks that are copied at once."""


class _Splice:
    """Walks over the earlier file once. Untouched blocks that lie together are copied in large chunks."""

    def __init__(self, layout: Layout, plain: Read, packed: Read) -> None:
        self._plain, self._packed = plain, packed
        self._lengths = array("I", layout.lengths)
        self._at = layout.head.plain
        self._packed_at = _gzip.HEADER + layout.head.packed
        self._pending: list[bytes] = []
        self._same = (self._at, self._packed_at)

    def pieces(self, blocks: Sequence[Block], closed: bool, edits: Sequence[Edit]) -> Iterator[_gzip.Piece]:
        start = number = 0
        for index, block in enumerate(blocks):
            last = index == len(blocks) - 1
            stop = start + block.items
            first = number
            while number < len(edits) and (edits[number].place < stop or (last and not closed)):
                number += 1
            if number == first and not self._pending:
                self._at += block.plain
                self._packed_at += block.packed
            else:
                yield from self._untouched()
                yield from self._edited(start, stop, edits[first:number], closed or not last)
                self._packed_at += block.packed
                self._same = (self._at, self._packed_at)
            start = stop
        yield from self._untouched()
        for edit in edits[number:]:
            yield from self._take(edit)
        yield from self._flush()

    def _untouched(self) -> Iterator[_gzip.Piece]:
        plain, packed = self._same
        for at in range(plain, self._at, CHUNK):
            yield _gzip.Piece(self._plain(at, min(CHUNK, self._at - at)), b"")
        for at in range(packed, self._packed_at, CHUNK):
            yield _gzip.Piece(b"", self._packed(at, min(CHUNK, self._packed_at - at)))
        self._same = (self._at, self._packed_at)

    def _edited(self, start: int, stop: int, edits: Sequence[Edit], closed: bool) -> Iterator[_gzip.Piece]:
        place = start
        for edit in edits:
            self._copy(place, edit.place)
            place = edit.place
            if edit.replaces:
                self._at += self._lengths[place]
                place += 1
            yield from self._take(edit)
        if place < stop:
            self._copy(place, stop)
            if closed:
                yield from self._flush()

    def _copy(self, start: int, stop: int) -> None:
        size = sum(self._lengths[start:stop])
        if size:
            self._pending.append(self._plain(self._at, size))
            self._at += size

    def _take(self, edit: Edit) -> Iterator[_gzip.Piece]:
        if edit.line:
            self._pending.append(edit.line)
        if edit.ends and not edit.gone:
            yield from self._flush()

    def _flush(self) -> Iterator[_gzip.Piece]:
        whole = b"".join(self._pending)
        self._pending.clear()
        if whole:
            yield _gzip.pack(whole)


def splice(layout: Layout, plain: Read, packed: Read, edits: Sequence[Edit]) -> Iterator[_gzip.Piece]:
    """Yield the new file's pieces between head and end. ``edits`` are sorted by their items' ids."""
    return _Splice(layout, plain, packed).pieces(list(layout.each_block()), layout.closed, edits)
