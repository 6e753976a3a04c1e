"""How the file of a full build is laid out, so that a later build copies what did not change."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

BLOCK = 64
"""Items of a compressed block, on average. A block ends behind an item by the hash of its id, so that a change moves no
other block's ends; smaller blocks make the file larger (a sixteenth at 64)."""


class Block(NamedTuple):
    """``items`` counts those that are not published too; ``plain`` and ``packed`` are bytes."""

    items: int
    plain: int
    packed: int


class Layout(msgspec.Struct, frozen=True):
    """What is where in a full build's files.

    ``head`` is the text before the items; ``lengths`` are bytes of each item's text (0 for one not published) and
    ``blocks`` triples of `Block`, both as 32-bit numbers of this machine's order; ``closed`` says that the last block
    ends behind an item that ends blocks. ``filled`` counts published items by attribute, ``index`` is the blob of the
    ids, ``attributes`` is name, name in the file and whether it is a list.
    """

    head: Block
    lengths: bytes
    blocks: bytes
    closed: bool
    filled: dict[str, int]
    index: str
    attributes: Sequence[tuple[str, str, bool]]

    def each_block(self) -> Iterator[Block]:
        """Yield the blocks in their order."""
        numbers = array("I", self.blocks)
        for at in range(0, len(numbers), 3):
            yield Block(*numbers[at : at + 3])


def ends_block(column: str) -> str:
    """Return SQL that is TRUE for an item behind which a block ends."""
    return f"(hash({column}) & {BLOCK - 1} = 0)"


def encode(layout: Layout) -> bytes:
    """Return a layout as bytes for the blob store."""
    return msgspec.msgpack.encode(layout)


def decode(content: bytes) -> Layout:
    """Read a layout. Raises `msgspec.DecodeError` or `msgspec.ValidationError` for one of another shape."""
    return msgspec.msgpack.decode(content, type=Layout)
