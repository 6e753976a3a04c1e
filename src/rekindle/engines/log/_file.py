"""The SQLite file of a log: its tables, and every statement that touches them.

``block.first`` is the offset of a block's first record. Offsets count records from 1 and are never used again: the
``edge`` row remembers where the log had got to when the newest blocks were trimmed away.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple

from rekindle.engines.log import _block
from rekindle.engines.log.protocol import Entry, LogCorrupt, LogFull, LogUnavailable

_FORMAT = 1
_entry: Callable[[tuple[int, int, int, bytes]], Entry] = partial(tuple.__new__, Entry)
_PAUSE_S = 0.0005
_SCHEMA = """
CREATE TABLE IF NOT EXISTS block (
    first INTEGER PRIMARY KEY, records INTEGER NOT NULL, appended_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS consumer (name TEXT PRIMARY KEY, committed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edge (one INTEGER PRIMARY KEY CHECK (one = 1), trimmed INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO edge VALUES (1, 0);
"""
_NO_ROOM = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Packed(NamedTuple):
    """A block ready to be stored."""

    records: int
    body: bytes


class File:
    """One connection to the file; it belongs to one thread at a time."""

    def __init__(
        self, path: Path, *, writer: bool = False, max_bytes: int | None = None, patience_s: float = 5.0
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._tries = int(patience_s / _PAUSE_S)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=patience_s)
        try:
            # Turning a new file to WAL does not wait for others who do the same; so it is tried again.
            self._patiently(lambda: self._configure(path, writer, max_bytes))
        except BaseException:
            self._db.close()
            raise
        # Also when the file was there: whoever made it a moment ago may not have got to this line yet. Until the folder
        # is synced, a power cut can bring back the journal of the switch to WAL, which undoes everything since.
        _sync_folder(path.parent)

    def _configure(self, path: Path, writer: bool, max_bytes: int | None) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _FORMAT:
            raise LogUnavailable(
                f"{path}: log format {version} is newer than this program knows ({_FORMAT}); update it"
            )
        for pragma in ("page_size=4096", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        if max_bytes is not None:
            (page,) = self._db.execute("PRAGMA page_size").fetchone()
            self._db.execute(f"PRAGMA max_page_count={max(1, max_bytes // page)}")
        if version < _FORMAT:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={_FORMAT}")
            except BaseException:
                self.rollback()
                raise
            self.commit()
        # SQLite's own waiting backs off to 100 ms; short even pauses (`begin`) keep several writers fair.
        self._db.execute(f"PRAGMA busy_timeout={0 if writer else 5000}")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    # -- writing: between `begin` and `commit`

    def begin(self) -> None:
        """Take the write lock; other processes hold it for a millisecond at a time."""
        self._patiently(lambda: self._db.execute("BEGIN IMMEDIATE"))

    def _patiently(self, work: Callable[[], object]) -> None:
        for left in range(self._tries, -1, -1):
            try:
                work()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not left:
                    raise
            time.sleep(_PAUSE_S)

    def commit(self) -> None:
        """Commit; the log's promise rests on this call's fsync."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what `begin` started, if it is still open."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def add(self, blocks: Sequence[Packed], appended_ms: int) -> None:
        """Store blocks behind the newest one; without any, write something all the same, to see whether it can be."""
        if not blocks:
            self._db.execute("UPDATE edge SET trimmed = trimmed")
        first = self.end() + 1
        for block in blocks:
            crc = _block.checksum(first, appended_ms, block.body)
            row = (first, block.records, appended_ms, crc, block.body)
            self._db.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?)", row)
            first += block.records

    def register(self, name: str, *, at_end: bool) -> int:
        """Add a consumer unless it is there; return its cursor."""
        start = self.end() if at_end else 0
        self._db.execute("INSERT OR IGNORE INTO consumer VALUES (?, ?)", (name, start))
        row = self._db.execute("SELECT committed FROM consumer WHERE name = ?", (name,)).fetchone()
        return int(row[0])

    def move(self, name: str, offset: int) -> None:
        """Move a cursor forward; it never goes back, so that a late commit cannot undo a newer one."""
        self._db.execute("UPDATE consumer SET committed = max(committed, ?) WHERE name = ?", (offset, name))

    def forget(self, name: str) -> None:
        """Remove a consumer."""
        self._db.execute("DELETE FROM consumer WHERE name = ?", (name,))

    def trim(self, older_than_ms: int, blocks: int) -> int:
        """Drop up to ``blocks`` of the oldest blocks that may go; return how many records they held."""
        newer = "SELECT min(first) FROM block WHERE appended_ms >= ?"
        (stop,) = self._db.execute(newer, (older_than_ms,)).fetchone()
        (slowest,) = self._db.execute("SELECT min(committed) FROM consumer").fetchone()
        query = "SELECT first, records FROM block WHERE first < ? AND first + records - 1 <= ? ORDER BY first LIMIT ?"
        end = self.end()
        limits = (end + 1 if stop is None else stop, end if slowest is None else slowest, blocks)
        gone = self._db.execute(query, limits).fetchall()
        if not gone:
            return 0
        last, records = gone[-1]
        self._db.execute("DELETE FROM block WHERE first <= ?", (last,))
        self._db.execute("UPDATE edge SET trimmed = max(trimmed, ?)", (last + records - 1,))
        return sum(records for _, records in gone)

    def replace(self, first: int, change: Callable[[bytes], bytes]) -> int:
        """Pass each record of the block at ``first`` through ``change``; return how many came back different."""
        found = next(self._blocks(first - 1), None)
        if found is None or found[0] != first:
            return 0
        _, appended_ms, records = found
        new = [change(record) for record in records]
        changed = sum(before != after for before, after in zip(records, new, strict=True))
        if changed:
            body = _block.Packer().pack(new)
            row = (_block.checksum(first, appended_ms, body), body, first)
            self._db.execute("UPDATE block SET crc = ?, body = ? WHERE first = ?", row)
        return changed

    def block(self, after: int) -> tuple[int, list[bytes]] | None:
        """Return the first offset and the records of the block behind ``after``, the end of one before it (or 0)."""
        # At the end of the log the newest block comes again.
        return next(((first, records) for first, _, records in self._blocks(after) if first > after), None)

    def wipe(self) -> None:
        """Bring the write-ahead file into the main file, so that trimmed bytes are gone from both."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # -- reading

    def end(self) -> int:
        """Return the newest offset ever used; 0 for a log that never held a record."""
        row = self._db.execute("SELECT first + records - 1 FROM block ORDER BY first DESC LIMIT 1").fetchone()
        if row is None:
            row = self._db.execute("SELECT trimmed FROM edge").fetchone()
        return int(row[0])

    def committed(self, name: str) -> int | None:
        """Return a consumer's cursor, or None when it is not registered."""
        row = self._db.execute("SELECT committed FROM consumer WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def cursors(self) -> list[tuple[str, int, int, int | None]]:
        """Return for each consumer: name, committed, the log's end, and when its next record was appended."""
        end = self.end()
        oldest = "SELECT appended_ms FROM block WHERE first + records - 1 > ? ORDER BY first LIMIT 1"
        found = []
        for name, committed in self._db.execute("SELECT name, committed FROM consumer ORDER BY name").fetchall():
            row = self._db.execute(oldest, (committed,)).fetchone() if committed < end else None
            found.append((name, committed, end, None if row is None else row[0]))
        return found

    def start(self) -> int:
        """Return the oldest offset there is, or the next one to be used."""
        (first,) = self._db.execute("SELECT min(first) FROM block").fetchone()
        return self.end() + 1 if first is None else int(first)

    def entries(self, after: int, limit: int) -> list[Entry]:
        """Return records behind ``after``: at least ``limit`` where there are as many, in whole blocks. Checks each CRC."""
        found: list[Entry] = []
        for first, appended_ms, records in self._blocks(after):
            skip = max(0, after + 1 - first)
            places = range(first + skip, first + len(records))
            # Made by C from beginning to end: a reader behind a long backlog makes a million of them.
            found += map(_entry, zip(repeat(0), places, repeat(appended_ms), islice(records, skip, None)))
            if len(found) >= limit:
                break
        return found

    def _trimmed(self) -> int:
        """Return the newest trimmed offset; inside an open read it belongs to the same snapshot."""
        (trimmed,) = self._db.execute("SELECT trimmed FROM edge").fetchone()
        return int(trimmed)

    def _blocks(self, after: int) -> Iterator[tuple[int, int, list[bytes]]]:
        holding = "coalesce((SELECT max(first) FROM block WHERE first <= ?), 0)"
        query = f"SELECT first, records, appended_ms, crc, body FROM block WHERE first >= {holding} ORDER BY first"  # noqa: S608
        rows = self._db.execute(query, (after + 1,))
        wanted = after + 1
        try:
            for first, count, appended_ms, crc, body in rows:
                # Offsets have no gaps here but the one that trimming leaves at the beginning.
                if first > wanted and first > self._trimmed() + 1:
                    raise LogCorrupt(f"records {max(wanted, self._trimmed() + 1)} to {first - 1} are missing")
                wanted = first + count
                try:
                    if crc != _block.checksum(first, appended_ms, body):
                        raise _block.BlockDamaged("its checksum does not match")
                    records = _block.unpack(body)
                except _block.BlockDamaged as error:
                    raise LogCorrupt(f"block at offset {first} ({count} records): {error}") from None
                yield first, appended_ms, records
        finally:
            rows.close()


def translate(error: sqlite3.Error) -> Exception:
    """Return the log's own exception for one of SQLite's; it carries no record and no key."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    if code & 0xFF in _NO_ROOM:
        return LogFull("the disk behind the log is full; free space or trim, acceptance resumes by itself")
    if code & 0xFF in _DAMAGED:
        return LogCorrupt(f"the log's file is damaged ({error}); restore it from a backup")
    return LogUnavailable(f"the log cannot be written or read now: {error}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
