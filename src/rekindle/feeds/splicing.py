"""Make a file of an earlier one: blocks in which nothing changed are copied as they are, the rest is written anew.

The result is the same, byte for byte, as that of a full build of the same items.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from rekindle.feeds import _gzip
from rekindle.feeds.layout import Block, Layout


class Edit(NamedTuple):
    """What stands at one place of the file now (see `layout.Layout.lengths`): lines, and whether a block ends behind each."""

    place: int
    lines: Sequence[tuple[bytes, bool]]


class Run(NamedTuple):
    """Blocks that are copied, and where they are in the earlier file, behind its gzip header."""

    start: int
    stop: int
    blocks: Sequence[Block]


Read = Callable[[int, int], bytes]
"""Returns bytes of the earlier file: from where, behind its gzip header, and how many."""


class Splice:
    """Walks over the items of the earlier file once.

    When all `pieces` were taken, ``lengths`` and ``closed`` are those of the new layout.
    """

    def __init__(self, layout: Layout, read: Read) -> None:
        head, *self._blocks, _ = layout.each_block()
        self._read, self._was_closed = read, layout.closed
        # Where each block begins, plain (from the first item) and packed.
        self._plain = list(accumulate((block.plain for block in self._blocks), initial=0))
        self._packed = list(accumulate((block.packed for block in self._blocks), initial=head.packed))
        self._block = self._at = 0
        self._pending: list[bytes] = []
        self._opened: tuple[int, bytes] = (-1, b"")
        self.lengths = array("I", layout.lengths)
        self.closed = layout.closed

    def pieces(self, edits: Sequence[Edit]) -> Iterator[_gzip.Piece | Run]:
        """Yield what stands between head and tail of the new file. ``edits`` are sorted by their places, which differ."""
        starts = array("Q", accumulate(self.lengths, initial=0))
        for edit in edits:
            start, stop = starts[edit.place], starts[edit.place + 1]
            yield from self._upto(start, False)
            self._at = stop
            while start < stop and self._block < len(self._blocks) and self._plain[self._block + 1] <= stop:
                self._block += 1  # its end stood behind a line that is gone, or comes again with its own
            for line, ends in edit.lines:
                if line:
                    self._pending.append(line)
                if ends:
                    yield self._flush(True)
            self.lengths[edit.place] = sum(len(line) for line, _ in edit.lines)
        yield from self._upto(self._plain[-1], True)
        if self._pending:
            yield self._flush(False)

    def _upto(self, stop: int, final: bool) -> Iterator[_gzip.Piece | Run]:
        """Take over what lies before a place, ends of blocks included."""
        while self._at < stop:
            first, whole = self._block, self._whole(stop, final)
            if first < whole:
                self._block, self._at = whole, self._plain[whole]
                self.closed = self._ends(whole - 1)
                yield Run(self._packed[first], self._packed[whole], self._blocks[first:whole])
                continue
            start, end = self._plain[first], min(stop, self._plain[first + 1])
            self._pending.append(self._text(first)[self._at - start : end - start])
            self._at = end
            if end == self._plain[first + 1]:
                self._block += 1
                if self._ends(first):
                    yield self._flush(True)

    def _whole(self, stop: int, final: bool) -> int:
        """Return up to which block they stay whole."""
        if self._pending or self._at != self._plain[self._block]:
            return self._block
        found = bisect_right(self._plain, stop) - 1
        # More may follow in the last one.
        return found if found == 0 or final or self._ends(found - 1) else found - 1

    def _ends(self, block: int) -> bool:
        """Whether what follows this block is in another one."""
        return block < len(self._blocks) - 1 or self._was_closed

    def _text(self, block: int) -> bytes:
        if self._opened[0] != block:  # several items of one block may have changed
            at = self._packed[block]
            self._opened = block, _gzip.unpack(self._read(at, self._packed[block + 1] - at))
        return self._opened[1]

    def _flush(self, closed: bool) -> _gzip.Piece:
        piece = _gzip.pack(b"".join(self._pending))
        self._pending.clear()
        self.closed = closed
        return piece
