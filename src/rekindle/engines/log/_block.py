"""One block: what a group commit stores as one row, many records with one checksum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import zstandard

MAX_RECORDS = 16_384
MAX_BYTES = 1 << 20

# Below this size zstd's frame costs more than it saves (docs/benchmarks.md).
_WORTH_COMPRESSING = 600
_RAW, _ZSTD = b"\x00", b"\x01"
_LIMIT = 1 << 30


class BlockDamaged(ValueError):
    """The bytes are not the block that was written."""


class Packer:
    """Makes blocks; it holds a compressor and so belongs to one thread."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=1, write_checksum=False)

    def pack(self, values: Sequence[bytes]) -> bytes:
        """Return one block: a form byte, then the count, the lengths and the records, compressed when it pays."""
        raw = struct.pack(f"<{len(values) + 1}I", len(values), *map(len, values)) + b"".join(values)
        if len(raw) < _WORTH_COMPRESSING:
            return _RAW + raw
        packed = self._zstd.compress(raw)
        return _ZSTD + packed if len(packed) < len(raw) else _RAW + raw


def checksum(first: int, appended_ms: int, block: bytes) -> int:
    """Return the CRC-32 of a block at its place, so that a block moved to another row is found out too."""
    return zlib.crc32(block, zlib.crc32(struct.pack("<QQ", first, appended_ms)))


def unpack(block: bytes) -> list[bytes]:
    """Return the records of a block. Raises `BlockDamaged`."""
    form, raw = block[:1], block[1:]
    try:
        if form == _ZSTD:
            raw = zstandard.ZstdDecompressor().decompress(raw, max_output_size=_LIMIT)
        elif form != _RAW:
            raise BlockDamaged(f"unknown block form {form.hex() or 'none'}")
        (count,) = struct.unpack_from("<I", raw)
        lengths = struct.unpack_from(f"<{count}I", raw, 4)
    except (zstandard.ZstdError, struct.error) as error:
        raise BlockDamaged(str(error)) from None
    records = []
    at = 4 + 4 * count
    for length in lengths:
        records.append(raw[at : at + length])
        at += length
    if at != len(raw):
        raise BlockDamaged(f"{len(raw)} bytes where {at} were expected")
    return records
