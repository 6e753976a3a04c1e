"""The protocol of a blob store; the conformance suite is `tests/engines/test_blobs.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class BlobMissing(LookupError):
    """No blob has that digest."""


class BlobsUnavailable(Exception):
    """The store does not answer now, or refuses; nothing was stored. Try again later."""


class Blobs(Protocol):
    """Content-addressed: a digest (64 hex characters of SHA-256) names the same bytes for ever."""

    def put(self, source: Path | bytes, *, move: bool = False, digest: str | None = None) -> str:
        """Store bytes, or a file's content, durably; return its digest. Storing it twice is harmless.

        ``move`` says that nobody needs or changes the file any more: it may be taken away instead of copied.
        ``digest`` is for who made it while writing: it is taken at its word. Raises `BlobsUnavailable`.
        """
        ...

    def path(self, digest: str) -> Path:
        """Return a local file with the blob's content, to read only.

        Raises `BlobMissing`, `BlobsUnavailable`.
        """
        ...

    def remove(self, digest: str) -> None:
        """Forget a blob; no error when it is not there. Raises `BlobsUnavailable`."""
        ...
