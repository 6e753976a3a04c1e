"""How a version's file is laid out, so that a later build copies what did not change, and readers get it plain."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from rekindle.feeds.program import PUBLISHED

BLOCK = 64
"""Items of a compressed block, on average. A block ends behind a published item by the hash of its id, so that a change
moves no other block's ends; smaller blocks make the file larger (a twentieth at 64, against very large ones)."""


class Block(NamedTuple):
    """Bytes of a part of the file, plain and packed, and the plain ones' CRC-32."""

    plain: int
    packed: int
    crc: int


class Layout(msgspec.Struct, frozen=True):
    """What is where in a version's file.

    ``blocks`` are triples of `Block` behind the gzip header: the text before the items, theirs, and the text after them.
    ``closed`` says that the items' last block ends behind an item that ends blocks. ``lengths`` are plain bytes of what
    stands at each item of the last full build (and, last, behind them all): its text, and before it that of items which
    came since; 0 where nothing is published. Both are 32-bit numbers of this machine's order.

    ``filled`` counts published items by attribute, ``index`` is the blob of the ids, ``repeated`` counts published ids that
    several items have, ``attributes`` is name, name in the file and whether it is a list.
    """

    lengths: bytes
    blocks: bytes
    closed: bool
    filled: dict[str, int]
    index: str
    repeated: int
    attributes: Sequence[tuple[str, str, bool]]

    def each_block(self) -> Iterator[Block]:
        """Yield the blocks in their order."""
        numbers = array("I", self.blocks)
        return map(Block._make, zip(*(numbers[place::3] for place in range(3)), strict=True))


def ends_block(column: str) -> str:
    """Return SQL that is TRUE for an item behind which a block ends."""
    return f"(_state = {PUBLISHED} AND hash({column}) & {BLOCK - 1} = 0)"


def encode(layout: Layout) -> bytes:
    """Return a layout as bytes for the blob store."""
    return msgspec.msgpack.encode(layout)


def decode(content: bytes) -> Layout:
    """Read a layout. Raises `msgspec.DecodeError` or `msgspec.ValidationError` for one of another shape."""
    return msgspec.msgpack.decode(content, type=Layout)
