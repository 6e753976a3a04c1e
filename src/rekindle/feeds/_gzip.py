"""One gzip stream made by several threads, in bounded memory; equal input gives equal bytes."""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_WINDOW = 32 << 10
_LEVEL = 6
# Magic, deflate, no flags, no time (it would make equal files differ), no extra flags, unknown system (RFC 1952).
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def compress(source: Path, target: Path) -> None:
    """Write ``source`` as one gzip member (some readers stop after the first) to ``target``.

    Chunks are compressed side by side, each with the 32 KiB before it as dictionary, and end on a byte boundary.
    """
    checksum, size = 0, 0
    threads = os.cpu_count() or 1
    with source.open("rb") as given, target.open("wb") as out, ThreadPoolExecutor(threads) as pool:
        out.write(_HEADER)
        running: deque[Future[bytes]] = deque()
        for chunk, before, last in _chunks(given):
            checksum = zlib.crc32(chunk, checksum)
            size += len(chunk)
            running.append(pool.submit(_deflate, chunk, before, last))
            if len(running) > 2 * threads:
                out.write(running.popleft().result())
        while running:
            out.write(running.popleft().result())
        out.write(checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"))


def _chunks(given: BinaryIO) -> Iterator[tuple[bytes, bytes, bool]]:
    before, chunk = b"", given.read(_CHUNK)
    while True:
        following = given.read(_CHUNK)
        yield chunk, before, not following
        if not following:
            return
        before, chunk = chunk[-_WINDOW:], following


def _deflate(chunk: bytes, before: bytes, last: bool) -> bytes:
    worker = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, before)
    return worker.compress(chunk) + worker.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
