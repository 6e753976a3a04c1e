"""Write the archive: hours that are over go from the log into Parquet files, sorted by subject."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Consumer, Entry, Log
from rekindle.engines.log.view import positions
from rekindle.model.clock import Clock
from rekindle.ops.archive import _duck
from rekindle.ops.archive._rows import COLUMNS, HOUR_MS, row
from rekindle.ops.archive._tables import files

CONSUMER: Final = "archive"
"""The cursor in the log; nothing is trimmed before it has passed."""
_POLL: Final = 2_000


class ArchiveFile(msgspec.Struct, frozen=True):
    """One line of the manifest. ``digest`` is the SHA-256 of the file, which is also its name among the blobs."""

    workspace: str
    hour_ms: int
    part: int
    digest: str
    rows: int
    bytes: int
    written_ms: int


class ArchiveMoved(RuntimeError):
    """Somebody else archived meanwhile; nothing was written."""


class ArchiveWriter:
    """Follows the log as consumer ``archive``, an hour behind.

    The files are durable before the manifest names them; manifest and position move in one transaction, and the cursor
    after it. So every record is in the archive once, whatever happens in between. ``most`` bounds the records of one
    step, and with them the work folder. ``wait_ms`` is how long the log may take to hand over what it has: in a cluster
    a reader is given its partitions some time after it asked.
    """

    def __init__(
        self,
        log: Log,
        database: Database,
        blobs: Blobs,
        folder: Path,
        clock: Clock,
        *,
        most: int = 200_000,
        wait_ms: int = 0,
    ) -> None:
        self._log, self._database, self._blobs = log, database, blobs
        self._folder, self._clock, self._most, self._wait_ms = folder, clock, most, wait_ms
        self._consumer: Consumer | None = None
        self._done_ms = 0

    async def register(self) -> None:
        """Hold the log back from being trimmed before it is archived."""
        if self._consumer is None:
            self._consumer = await self._log.consumer(CONSUMER)

    async def step(self) -> int:
        """Archive what was appended before this hour, up to a bound; return how many records were taken."""
        await self.register()
        until_ms = self._clock() // HOUR_MS * HOUR_MS
        if self._consumer is None or until_ms == self._done_ms:
            return 0
        self._folder.mkdir(parents=True, exist_ok=True)
        consumer = self._consumer
        try:
            with tempfile.TemporaryDirectory(dir=self._folder, prefix="archive-") as name:
                work = Path(name)
                before = await self._database.query(_positions)
                last, taken, whole = await self._stage(work / "staged.json", consumer, until_ms, before)
                if taken:
                    await asyncio.to_thread(self._write, work, before, last)
            for entry in last.values():
                await consumer.commit(entry)
        finally:
            # What was read ahead, of the running hour, is read again when that is over.
            await consumer.rewind()
        if whole:
            self._done_ms = until_ms
        return taken

    async def close(self) -> None:
        """Give up the cursor's membership."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    async def _stage(
        self, file: Path, consumer: Consumer, until_ms: int, before: Mapping[int, int]
    ) -> tuple[dict[int, Entry], int, bool]:
        """Write rows as lines of JSON; return the last entries, how many rows, and whether that was all there is."""
        last: dict[int, Entry] = {}
        taken = 0
        running: set[int] = set()
        encoder = msgspec.json.Encoder(decimal_format="string")
        with file.open("wb") as out:
            while taken < self._most:
                entries = await consumer.poll(_POLL, self._wait_ms)
                old = []
                for entry in entries:
                    if entry.appended_ms >= until_ms:
                        running.add(entry.partition)
                    elif entry.partition not in running:
                        old.append(entry)
                if not old:
                    return last, taken, True
                fresh = [entry for entry in old if entry.offset > before.get(entry.partition, -1)]
                await asyncio.to_thread(out.write, b"".join(encoder.encode(row(entry)) + b"\n" for entry in fresh))
                taken += len(fresh)
                last |= {entry.partition: entry for entry in old}
        return last, taken, False

    def _write(self, work: Path, before: Mapping[int, int], last: Mapping[int, Entry]) -> None:
        now = self._clock()
        made: list[ArchiveFile] = []
        with _duck.connect(work) as duck:
            _load(duck, work / "staged.json")
            groups = duck.execute(
                "SELECT workspace, hour_ms, count(*) FROM staged GROUP BY ALL ORDER BY ALL"
            ).fetchall()
            for workspace, hour_ms, rows in groups:
                file = work / "part.parquet"
                _copy(duck, file, workspace, hour_ms)
                size = file.stat().st_size
                made.append(ArchiveFile(workspace, hour_ms, 0, self._blobs.put(file), rows, size, now))
                file.unlink()
        with self._database.begin() as connection:
            self._enter(connection, made, before, last)

    def _enter(
        self,
        connection: Connection,
        made: Iterable[ArchiveFile],
        before: Mapping[int, int],
        last: Mapping[int, Entry],
    ) -> None:
        if _positions(connection, lock=True) != before:
            raise ArchiveMoved("another process archived the same records; they are in its files")
        for one in made:
            newest = connection.scalar(
                sa.select(sa.func.max(files.c.part)).where(
                    files.c.workspace == one.workspace, files.c.hour_ms == one.hour_ms
                )
            )
            connection.execute(files.insert().values(msgspec.structs.asdict(one) | {"part": (newest or 0) + 1}))
        for partition, entry in last.items():
            values = {"view": CONSUMER, "partition": partition, "offset": entry.offset}
            connection.execute(
                upsert(positions, connection.dialect.name)
                .values(values)
                .on_conflict_do_update(index_elements=["view", "partition"], set_={"offset": entry.offset})
            )


def _positions(connection: Connection, *, lock: bool = False) -> dict[int, int]:
    query = sa.select(positions.c.partition, positions.c.offset).where(positions.c.view == CONSUMER)
    return {row.partition: row.offset for row in connection.execute(query.with_for_update() if lock else query)}


def _load(duck: duckdb.DuckDBPyConnection, file: Path) -> None:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    duck.execute(
        "CREATE TABLE staged AS SELECT * REPLACE (from_base64(record) AS record, "  # noqa: S608 - our own names
        f"TRY_CAST(value AS DECIMAL(18, 4)) AS value) FROM read_json(?, format = 'newline_delimited', columns = {{{columns}}})",
        [str(file)],
    )


def _copy(duck: duckdb.DuckDBPyConnection, file: Path, workspace: str, hour_ms: int) -> None:
    """Write one hour of one shop; neighbours in a file are one visitor's, so a look-up reads little of it."""
    duck.execute("SET VARIABLE shop = ?", [workspace])
    place = str(file).replace("'", "''")
    duck.execute(
        "COPY (SELECT * FROM staged WHERE workspace = getvariable('shop') "  # noqa: S608 - a path and a number of ours
        f'AND hour_ms = {int(hour_ms)} ORDER BY subject NULLS LAST, event_time_ms, partition, "offset") '
        f"TO '{place}' (FORMAT parquet, COMPRESSION zstd)"
    )
