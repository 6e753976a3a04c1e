"""Look for what should be gone: in the bytes of every file, and in what compressed files and databases hold.

SQLite files are read twice: as bytes, write-ahead file and free pages included, and cell by cell, because a long value
is in pieces there and a block of the log is compressed.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.engines.log.sqlite import blocks_of
from rekindle.privacy.subjects.needles import Needles

_CHUNK = 4 << 20
_SQLITE = b"SQLite format 3\0"
_PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"


class Found(msgspec.Struct, frozen=True):
    """So many times something of the person was seen at a place; ``what`` never holds a value."""

    place: str
    what: str
    count: int


class Searched(msgspec.Struct, frozen=True):
    """``unread`` are files that could not be read to their end."""

    files: int
    bytes: int
    found: list[Found]
    unread: list[str]

    @property
    def survivors(self) -> int:
        """How often something of the person was found."""
        return sum(one.count for one in self.found)


def search(folder: Path, needles: Needles, database: Database | None = None) -> Searched:
    """Search every file below ``folder``, and ``database`` where it is another one (a PostgreSQL server)."""
    longest = max(map(len, needles.forms), default=1)
    found: Counter[tuple[str, str]] = Counter()
    unread: list[str] = []
    files = size = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        place = str(path.relative_to(folder))
        files += 1
        try:
            with path.open("rb") as file:
                head = file.read(16)
                file.seek(0)
                raw, read = _in_stream(file, needles, longest)
            size += read
            inside = _inside(path, head, needles, longest)
        except FileNotFoundError:
            continue  # a download or a write-ahead file that has gone since
        except Exception:  # noqa: BLE001 -- whatever is wrong with a file, the certificate must say that it was not read
            unread.append(place)
            continue
        # One value is seen both ways; the larger count is told.
        for what in raw.keys() | inside.keys():
            found[place, what] += max(raw[what], inside[what])
    if database is not None and database.dialect != "sqlite":
        for what, count in _in_values(_database_values(database), needles).items():
            found["state database", what] += count
    return Searched(files, size, [Found(place, what, count) for (place, what), count in sorted(found.items())], unread)


def _inside(path: Path, head: bytes, needles: Needles, longest: int) -> Counter[str]:
    if head == _SQLITE:
        return _in_values(_sqlite_values(path), needles)
    if head.startswith(_GZIP):
        with gzip.open(path) as file:
            return _in_stream(file, needles, longest)[0]
    if head.startswith(_PARQUET):
        return _in_values(_parquet_values(path), needles)
    return Counter()


def _in_stream(file: BinaryIO | gzip.GzipFile, needles: Needles, longest: int) -> tuple[Counter[str], int]:
    found: Counter[str] = Counter()
    read, rest = 0, b""
    while chunk := file.read(_CHUNK):
        read += len(chunk)
        text = rest + chunk
        for form, what in needles.forms.items():
            if count := text.count(form):
                found[what] += count
        # What was counted in the overlap before is not counted again.
        rest = text[-(longest - 1) :] if longest > 1 else b""
        for form, what in needles.forms.items():
            if count := rest.count(form):
                found[what] -= count
    for form, what in needles.forms.items():
        if count := rest.count(form):
            found[what] += count
    return +found, read


def _in_values(values: Iterable[Any], needles: Needles) -> Counter[str]:
    found: Counter[str] = Counter()
    gathered, size = [], 0
    for value in values:
        piece = _bytes(value)
        if piece:
            gathered.append(piece)
            size += len(piece)
        if size > _CHUNK:
            _count(b"\0\0".join(gathered), needles, found)
            gathered, size = [], 0
    _count(b"\0\0".join(gathered), needles, found)
    return found


def _count(text: bytes, needles: Needles, found: Counter[str]) -> None:
    for form, what in needles.forms.items():
        if count := text.count(form):
            found[what] += count


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list | tuple):
        return b"\0\0".join(map(_bytes, value))
    if isinstance(value, dict):
        return _bytes([*value, *value.values()])
    return b""


def _sqlite_values(path: Path) -> Iterator[Any]:
    # The address is a URI: whatever stands in a folder's name is escaped.
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        tables = [row[0].decode() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            quoted = '"' + table.replace('"', '""') + '"'
            for row in connection.execute(f"SELECT * FROM {quoted}"):  # noqa: S608
                yield from row
        if {"block", "edge"} <= set(tables):
            yield from blocks_of(connection)


def _parquet_values(path: Path) -> Iterator[Any]:
    import duckdb

    with duckdb.connect() as connection:
        cursor = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        while rows := cursor.fetchmany(5_000):
            for row in rows:
                yield from row


def _database_values(database: Database) -> Iterator[Any]:
    found = sa.MetaData()
    found.reflect(database.engine)
    with database.read() as connection:
        for table in found.sorted_tables:
            for row in connection.execution_options(stream_results=True).execute(sa.select(table)):
                yield from row
