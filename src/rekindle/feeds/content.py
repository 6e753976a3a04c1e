"""A version's file in the forms in which readers get it, made of the one in which it is kept: gzip.

Versions of releases before this one keep the plain file beside it.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from rekindle.engines.blobs import Blobs
from rekindle.feeds import _gzip, layout
from rekindle.feeds.layout import Layout
from rekindle.feeds.versions import FeedVersion

CHUNK = 1 << 20
"""Plain bytes that are unpacked at once, or a block where that is more."""


def plain_digest(packed: Path, where: Layout) -> str:
    """Return SHA-256 of the plain file, which is read once for it."""
    digest = hashlib.sha256()
    for chunk in unpacked(packed, where):
        digest.update(chunk)
    return digest.hexdigest()


def unpacked(packed: Path, where: Layout, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the plain file, or the bytes from ``start`` to before ``stop``; what lies before is not unpacked."""
    blocks = list(where.each_block())
    plain = list(accumulate((block.plain for block in blocks), initial=0))
    place = list(accumulate((block.packed for block in blocks), initial=len(_gzip.HEAD)))
    stop = plain[-1] if stop is None else stop
    with packed.open("rb", buffering=0) as file:
        first = bisect_right(plain, start) - 1
        while first < len(blocks) and plain[first] < stop:
            last = max(first + 1, bisect_right(plain, min(stop, plain[first] + CHUNK)) - 1)
            text = _gzip.unpack(os.pread(file.fileno(), place[last] - place[first], place[first]))
            yield text[max(0, start - plain[first]) : stop - plain[first]]
            first = last


def plain(blobs: Blobs, version: FeedVersion, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Return what gives a version's plain file, or a part. Raises `BlobMissing` and `BlobsUnavailable` at once."""
    if plain_blob(version) is not None:
        return _read(blobs.path(version.digest), start, version.size if stop is None else stop)
    packed = blobs.path(version.gzip_digest)
    where = layout.decode(blobs.path(version.layout_digest or "").read_bytes())
    return unpacked(packed, where, start, stop)


def plain_blob(version: FeedVersion) -> str | None:
    """Return the blob of the plain file, where it is kept."""
    return None if version.digest == version.gzip_digest else version.digest


def _read(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        for at in range(start, stop, CHUNK):
            yield os.pread(file.fileno(), min(CHUNK, stop - at), at)
