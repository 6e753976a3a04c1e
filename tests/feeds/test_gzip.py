"""One gzip stream from several pieces is read by every reader, whatever its size; checksums of parts make that of the whole."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.feeds._crc import combine
from rekindle.feeds._files import Packed
from rekindle.feeds._gzip import HEAD, pack, unpack
from rekindle.feeds.layout import Block


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 9_000_000])
def test_round_trip(tmp_path: Path, size: int) -> None:
    content = (random.Random(size).randbytes(1000) * (size // 1000 + 1))[:size]
    pieces = [pack(content[start : start + 1_500_000]) for start in range(0, size, 1_500_000)]
    with Packed(tmp_path / "one.gz", hashed=True) as one, Packed(tmp_path / "other.gz", hashed=False) as other:
        for number, piece in enumerate(pieces):
            one.add(piece)
            if number % 2:
                other.add(piece)
            else:
                other.copy(piece.packed)
                other.took([Block(len(piece.plain), len(piece.packed), piece.crc)])
    packed = (tmp_path / "one.gz").read_bytes()
    assert (tmp_path / "other.gz").read_bytes() == packed
    assert (one.digest(), one.size, one.packed_size(), one.blocks) == (
        other.digest(), other.size, other.packed_size(), other.blocks,
    )  # fmt: skip
    assert gzip.decompress(packed) == content
    reader = zlib.decompressobj(31)
    assert reader.decompress(packed) == content
    assert (reader.eof, reader.unused_data) == (True, b""), "one member, nothing after it"
    end = len(HEAD) + sum(len(piece.packed) for piece in pieces)
    assert unpack(packed[len(HEAD) : end]) == content, "pieces that lie together are read in one go"


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(0, 70_000))
def test_checksums_are_joined(parts: list[bytes], zeros: int) -> None:
    whole = 0
    for part in [*parts, bytes(zeros)]:
        whole = combine(whole, zlib.crc32(part), len(part))
    assert whole == zlib.crc32(b"".join(parts) + bytes(zeros))
