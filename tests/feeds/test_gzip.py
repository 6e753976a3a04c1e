"""One gzip stream from several threads is read by every reader, whatever its size."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from rekindle.feeds._gzip import compress


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 9_000_000])
def test_round_trip(tmp_path, size) -> None:
    content = random.Random(size).randbytes(1000) * (size // 1000 + 1)
    (tmp_path / "a").write_bytes(content[:size])
    compress(tmp_path / "a", tmp_path / "a.gz")
    packed = (tmp_path / "a.gz").read_bytes()
    assert gzip.decompress(packed) == content[:size]
    reader = zlib.decompressobj(31)
    assert reader.decompress(packed) == content[:size]
    assert (reader.eof, reader.unused_data) == (True, b""), "one member, nothing after it"
