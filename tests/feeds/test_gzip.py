"""One gzip stream from several pieces is read by every reader, whatever its size."""

from __future__ import annotations

import gzip
import io
import random
import zlib

import pytest

from rekindle.feeds._gzip import Gzip, pack


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 9_000_000])
def test_round_trip(size) -> None:
    content = (random.Random(size).randbytes(1000) * (size // 1000 + 1))[:size]
    out = io.BytesIO()
    stream = Gzip(out)
    for start in range(0, size, 1_500_000):
        stream.add(pack(content[start : start + 1_500_000]))
    stream.close()
    packed = out.getvalue()
    assert gzip.decompress(packed) == content
    reader = zlib.decompressobj(31)
    assert reader.decompress(packed) == content
    assert (reader.eof, reader.unused_data) == (True, b""), "one member, nothing after it"
