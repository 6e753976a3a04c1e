"""Replace records in the archive, for the erasure of a person: the files that hold them are written anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.engines.log import Entry
from rekindle.model.clock import Clock
from rekindle.ops.archive import _duck
from rekindle.ops.archive._rows import row
from rekindle.ops.archive._tables import files as table
from rekindle.ops.archive.reading import Archive
from rekindle.ops.archive.writing import ArchiveFile, _copy, _load


def rewrite(
    database: Database, blobs: Blobs, folder: Path, clock: Clock, change: Callable[[bytes], bytes]
) -> int:  # fmt: skip
    """Pass every archived record through ``change``; return how many came back different.

    A file's hour and part stay. The new file is named by the manifest before the old one goes. Raises
    `ArchiveDamaged`.
    """
    archive = Archive(database, blobs, folder)
    total = 0
    for file in archive.files():
        entries = list(archive.entries([file])) if _touched(archive, file, change) else []
        new = [entry._replace(value=change(entry.value)) for entry in entries]
        changed = sum(before.value != after.value for before, after in zip(entries, new, strict=True))
        if changed:
            _replace(database, blobs, folder, clock, file, new)
            total += changed
    return total


def _touched(archive: Archive, file: ArchiveFile, change: Callable[[bytes], bytes]) -> bool:
    return any(change(entry.value) != entry.value for entry in archive.entries([file]))


def _replace(
    database: Database, blobs: Blobs, folder: Path, clock: Clock, file: ArchiveFile, entries: list[Entry]
) -> None:  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder, prefix="archive-") as name:
        work = Path(name)
        encoder = msgspec.json.Encoder(decimal_format="string")
        with (work / "staged.json").open("wb") as out:
            for entry in entries:
                # The hour is the file's: what is left of a record no longer knows when its event happened.
                told = row(entry) | {"hour_ms": file.hour_ms, "workspace": file.workspace}
                out.write(encoder.encode(told) + b"\n")
        with _duck.connect(work) as duck:
            _load(duck, work / "staged.json")
            _copy(duck, work / "part.parquet", file.workspace, file.hour_ms)
        size = (work / "part.parquet").stat().st_size
        digest = blobs.put(work / "part.parquet")
    mine = (table.c.workspace == file.workspace, table.c.hour_ms == file.hour_ms, table.c.part == file.part)
    with database.begin() as connection:
        connection.execute(
            sa.update(table).where(*mine).values(digest=digest, bytes=size, written_ms=clock())
        )  # fmt: skip
    if file.digest not in {each.digest for each in Archive(database, blobs, folder).files()}:
        blobs.remove(file.digest)
