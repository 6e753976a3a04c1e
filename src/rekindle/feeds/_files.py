"""A version's file under way: one gzip stream, its digests made while it is written."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from rekindle.feeds import _crc, _gzip
from rekindle.feeds.layout import Block


class Packed:
    """Takes parts in their order. ``hashed``: the plain text's digest is wanted, too. To be used as a context.

    One member only: some readers of gzip stop after the first.
    """

    def __init__(self, path: Path, hashed: bool) -> None:
        self._path = path
        self._out = path.open("wb")
        self._hash, self._plain = hashlib.sha256(), hashlib.sha256() if hashed else None
        self._crc = self.size = 0
        self.blocks = array("I")
        self._write(_gzip.HEAD)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write(_gzip.tail(self._crc, self.size))
        self._out.close()

    def add(self, piece: _gzip.Piece) -> None:
        """Append a piece as a block."""
        if self._plain is not None:
            self._plain.update(piece.plain)
        self._write(piece.packed)
        self._count(Block(len(piece.plain), len(piece.packed), piece.crc))

    def copy(self, packed: bytes) -> None:
        """Append bytes of another file; `took` says which blocks they were. The plain text's digest cannot be had then."""
        self._plain = None
        self._write(packed)

    def took(self, blocks: Iterable[Block]) -> None:
        """Note the blocks that were copied."""
        for block in blocks:
            self._count(block)

    def digest(self) -> str:
        """Return SHA-256 of the file, once it is closed."""
        return self._hash.hexdigest()

    def plain_digest(self) -> str | None:
        """Return SHA-256 of the plain text, where it is known."""
        return self._plain.hexdigest() if self._plain is not None else None

    def packed_size(self) -> int:
        """Return bytes of the file, once it is closed; ``size`` is of the plain text."""
        return self._path.stat().st_size

    def _count(self, block: Block) -> None:
        self.blocks.extend(block)
        self._crc = _crc.combine(self._crc, block.crc, block.plain)
        self.size += block.plain

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._out.write(data)
