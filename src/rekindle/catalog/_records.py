"""Read the file of a walk: one record a line, of each thing the reading that came last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from rekindle.catalog.account import Record
from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Prepared

_decoder = msgspec.json.Decoder(Record, float_hook=str)


class Records:
    """The records of a walk by number, and by kind and id; the map is on disk.

    Pages shift while a shop changes, so a walk may meet a thing twice: the later reading is the truer one.
    """

    def __init__(self, prepared: Prepared, _report: Report) -> None:
        self._file = prepared.path.open("rb")
        self._map = sqlite3.connect("", isolation_level=None)
        self._map.execute("PRAGMA journal_mode=OFF")
        self._map.execute(
            "CREATE TABLE places (kind TEXT, id TEXT, n INT, at INT, PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )
        self._map.execute("BEGIN")
        at = 0
        for number, line in enumerate(self._file, 1):
            try:
                record = _decoder.decode(line)
            except msgspec.DecodeError as error:
                raise refuse("walk-damaged", "start the import again", error, row=number) from None
            self._map.execute("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?)", (record.kind, record.id, number, at))
            at += len(line)

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()
        self._file.close()

    def get(self, kind: str, identity: str) -> Record | None:
        """Return the last reading of one thing."""
        query = "SELECT at FROM places WHERE kind = ? AND id = ?"
        found = self._map.execute(query, (kind, identity)).fetchone()
        return self._read(found[0]) if found else None

    def below(self, kind: str, prefix: str) -> list[Record]:
        """Return the records whose id is ``prefix``, a line's end, and more."""
        query = "SELECT at FROM places WHERE kind = ? AND id > ? AND id < ? ORDER BY n"
        return [self._read(at) for (at,) in self._map.execute(query, (kind, f"{prefix}\n", f"{prefix}\v")).fetchall()]

    def of(self, *kinds: str) -> Iterator[tuple[int, Record]]:
        """Yield number and record of these kinds, in the order in which they were read."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT n, at FROM places WHERE kind IN ({marks}) ORDER BY n"  # noqa: S608 - marks only
        for number, at in self._map.execute(query, kinds):
            yield number, self._read(at)

    def _read(self, at: int) -> Record:
        self._file.seek(at)
        return _decoder.decode(self._file.readline())
