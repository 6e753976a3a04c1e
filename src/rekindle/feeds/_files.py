"""A version's two files under way: plain and gzip, their digests made while they are written."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rekindle.feeds import _gzip
from rekindle.feeds.layout import Block


class Files:
    """Takes pieces in their order. Without ``packed`` nothing is compressed. To be used as a context."""

    def __init__(self, plain: Path, packed: Path | None) -> None:
        self._paths = plain, packed
        self._stack = ExitStack()
        self._plain = _Hashed(self._stack.enter_context(plain.open("wb")))
        self._packed = _Hashed(self._stack.enter_context(packed.open("wb"))) if packed is not None else None
        self._gzip = _gzip.Gzip(self._packed) if self._packed is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._gzip is not None and error is None:
            self._gzip.close()
        self._stack.close()

    def make(self, text: bytes) -> _gzip.Piece:
        """Return a text as a piece of the files; other threads may do so."""
        return _gzip.pack(text) if self._gzip is not None else _gzip.Piece(text, b"")

    def write(self, piece: _gzip.Piece) -> Block:
        """Append a piece and return its sizes."""
        if piece.plain:
            self._plain.write(piece.plain)
        if self._gzip is not None:
            self._gzip.add(piece)
        return Block(0, len(piece.plain), len(piece.packed))

    def digests(self) -> tuple[str, str]:
        """Return SHA-256 of the plain and of the compressed file, once they are closed."""
        return self._plain.digest(), self._packed.digest() if self._packed is not None else ""

    def sizes(self) -> tuple[int, int]:
        """Return bytes of the plain and of the compressed file, once they are closed."""
        plain, packed = self._paths
        return plain.stat().st_size, packed.stat().st_size if packed is not None else 0


class _Hashed:
    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def digest(self) -> str:
        return self._hash.hexdigest()
