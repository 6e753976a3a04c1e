"""Blobs in a local folder, two levels deep."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from rekindle.engines.blobs.protocol import BlobMissing

_DIGEST = re.compile(r"[0-9a-f]{64}")


class FolderBlobs:
    """Write to a temporary file, sync, rename: a blob is there whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, source: Path | bytes, *, move: bool = False, digest: str | None = None) -> str:
        """See `Blobs.put`."""
        self._root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._root, prefix=".new-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w+b") as out:
                if not (move and isinstance(source, Path) and _taken(source, temporary)):
                    _copy(source, out)
            with temporary.open("rb") as kept:
                os.fsync(kept.fileno())
                digest = digest or hashlib.file_digest(kept, "sha256").hexdigest()
            target = self._place(digest)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(target)
                _sync_folder(target.parent)
            return digest
        finally:
            temporary.unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        """See `Blobs.path`."""
        place = self._place(digest)
        if not place.is_file():
            raise BlobMissing(digest)
        return place

    def remove(self, digest: str) -> None:
        """See `Blobs.remove`."""
        self._place(digest).unlink(missing_ok=True)

    @staticmethod
    def names(digest: str) -> bool:
        """Tell whether the text can be the name of a blob."""
        return _DIGEST.fullmatch(digest) is not None

    def _place(self, digest: str) -> Path:
        if not self.names(digest):
            raise BlobMissing(digest)
        return self._root / digest[:2] / digest


def _copy(source: Path | bytes, out: BinaryIO) -> None:
    if isinstance(source, bytes):
        out.write(source)
        return
    with source.open("rb") as given:
        shutil.copyfileobj(given, out, 1 << 20)


def _taken(source: Path, target: Path) -> bool:
    """Rename the file over ``target``; return False where it lies on another disk."""
    mode = target.stat().st_mode
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    target.chmod(mode)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
