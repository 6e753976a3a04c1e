"""Read the archive: its manifest, its files after a check of their hashes, its records in the log's order."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.engines.log import Entry
from rekindle.ops.archive import _duck
from rekindle.ops.archive._rows import HOUR_MS
from rekindle.ops.archive._tables import files as table
from rekindle.ops.archive.writing import ArchiveFile

_PAGE: Final = 2_000


class ArchiveDamaged(Exception):
    """A file is missing, or is not what was written; the message names it."""


class Archive:
    """The files of one installation. ``folder`` is for work in progress."""

    def __init__(self, database: Database, blobs: Blobs, folder: Path) -> None:
        self._database, self._blobs, self._folder = database, blobs, folder

    def files(
        self, workspace: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> list[ArchiveFile]:
        """Return the manifest's lines for the hours that meet ``from_ms`` (inclusive) to ``to_ms`` (exclusive)."""
        query = sa.select(table).order_by(table.c.workspace, table.c.hour_ms, table.c.part)
        if workspace is not None:
            query = query.where(table.c.workspace == workspace)
        if from_ms is not None:
            query = query.where(table.c.hour_ms > from_ms - HOUR_MS)
        if to_ms is not None:
            query = query.where(table.c.hour_ms < to_ms)
        with self._database.read() as connection:
            return [ArchiveFile(**row) for row in connection.execute(query).mappings()]

    def verified(self, file: ArchiveFile) -> Path:
        """Return the file's path after a check of its hash. Raises `ArchiveDamaged`."""
        name = f"{file.workspace} {hour_name(file.hour_ms)} part {file.part} ({file.digest[:12]})"
        try:
            path = self._blobs.path(file.digest)
        except BlobMissing:
            raise ArchiveDamaged(f"{name} is missing; restore it from a backup of the blobs") from None
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.digest:
                raise ArchiveDamaged(f"{name} is not what was written; restore it from a backup of the blobs")
        return path

    def entries(self, files: Sequence[ArchiveFile]) -> Iterator[Entry]:
        """Yield the records of ``files`` in the log's order, a page in memory at a time. Raises `ArchiveDamaged`."""
        if not files:
            return
        paths = [str(self.verified(file)) for file in files]
        self._folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=self._folder, prefix="archive-") as work,
            _duck.connect(Path(work)) as duck,
        ):
            rows = duck.execute(
                'SELECT partition, "offset", appended_ms, record FROM read_parquet(?) ORDER BY "offset", partition',
                [paths],
            )
            while page := rows.fetchmany(_PAGE):
                for partition, offset, appended_ms, record in page:
                    yield Entry(partition, offset, appended_ms, record)

    def export(self, target: Path, files: Sequence[ArchiveFile]) -> Path:
        """Lay out files as ``workspace/YYYY-MM-DD/HH-PART.parquet`` below ``target``; return its ``manifest.json``."""
        lines = []
        for file in files:
            name = f"{file.workspace or '_'}/{hour_name(file.hour_ms).replace('T', '/')}-{file.part}.parquet"
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            source = self.verified(file)
            try:
                os.link(source, place)
            except OSError:
                shutil.copyfile(source, place)
            lines.append({"file": name, "sha256": file.digest, "rows": file.rows, "bytes": file.bytes})
        manifest = target / "manifest.json"
        target.mkdir(parents=True, exist_ok=True)
        manifest.write_bytes(msgspec.json.format(msgspec.json.encode({"files": lines}), indent=2) + b"\n")
        return manifest

    def drop(self, before_ms: int, workspace: str | None = None) -> list[ArchiveFile]:
        """Remove the files of whole hours before a moment, manifest first; return what went."""
        gone = [file for file in self.files(workspace) if file.hour_ms + HOUR_MS <= before_ms]
        with self._database.begin() as connection:
            for file in gone:
                connection.execute(
                    table.delete().where(
                        table.c.workspace == file.workspace,
                        table.c.hour_ms == file.hour_ms,
                        table.c.part == file.part,
                    )
                )
        kept = {file.digest for file in self.files()}
        for file in gone:
            if file.digest not in kept:
                self._blobs.remove(file.digest)
        return gone


def hour_name(hour_ms: int) -> str:
    """Return an hour as ``YYYY-MM-DDTHH`` (UTC)."""
    return datetime.fromtimestamp(hour_ms / 1000, UTC).strftime("%Y-%m-%dT%H")
