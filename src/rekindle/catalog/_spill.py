"""Parents that wait for their children, on disk, because an export need not keep families together."""

from __future__ import annotations

import sqlite3

import msgspec

from rekindle.catalog.row import Values

_decoder = msgspec.msgpack.Decoder(Values)


class Spill:
    """A temporary map on disk; SQLite removes the file by itself when it is closed."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute("PRAGMA journal_mode=OFF")
        self._store.execute("CREATE TABLE kept (name TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
        self._store.execute("BEGIN")

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def put(self, name: str, values: Values) -> None:
        """Keep ``values`` under ``name``; the last one counts."""
        self._store.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, msgspec.msgpack.encode(values)))

    def get(self, name: str) -> Values | None:
        """Return what was kept under ``name``."""
        found = self._store.execute("SELECT body FROM kept WHERE name = ?", (name,)).fetchone()
        return _decoder.decode(found[0]) if found else None
