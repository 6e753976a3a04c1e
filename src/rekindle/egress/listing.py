"""What a server's folder holds, whichever way it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """A file in a folder; ``modified_ms`` is None where the server does not say."""

    name: str
    size: int
    modified_ms: int | None


class Listing(Protocol):
    """An open session that folders are read by. Its methods raise `TransferRefused` and `TransferFailed`."""

    async def files(self, folder: str) -> list[Entry]:
        """Return the plain files of a folder, by name."""
        ...

    async def download(self, path: str, into: Path, max_bytes: int) -> int:
        """Write a file's bytes to ``into``; return how many. A file of more than ``max_bytes`` is refused."""
        ...


__all__ = ["Entry", "Listing"]
