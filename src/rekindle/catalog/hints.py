"""What webhooks said: kept durably, once for each key, until it was read again.

A hint is never believed, it only says what to look at. One that was dealt with while a whole walk was under way is due
once more when the walk is live, because the walk may have passed there before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.catalog import _tables
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert

EVERYTHING: Final = "*"
"""The key that asks for a whole import."""

MOST: Final = 5_000
"""So many open keys of a source are more work than a whole import, which is then asked for instead."""

LONGEST_KEY: Final = 200
_DONE: Final = 1 << 62
_AGAIN_MS: Final = 2_000
_LONGEST_MS: Final = 600_000
_BATCH: Final = 100


class Hint(msgspec.Struct, frozen=True):
    """One key to be read again."""

    key: str
    received_ms: int
    attempts: int


class HintStore:
    """The hints of every workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, workspace: str, source: str, keys: Collection[str], now_ms: int) -> None:
        """Keep keys durably; return when they are on stable storage."""
        with self._database.begin() as connection:
            due = self._open(connection, workspace, source)
            named = {key if 0 < len(key) <= LONGEST_KEY else EVERYTHING for key in keys}
            if due + len(named) > MOST:
                named = {EVERYTHING}
            values = {"received_ms": now_ms, "due_ms": now_ms, "attempts": 0}
            for key in sorted(named):
                primary = {"workspace": workspace, "source": source, "key": key}
                insert = upsert(_tables.hints, self._database.dialect).values(primary | values)
                connection.execute(insert.on_conflict_do_update(index_elements=list(primary), set_=values))

    def due(self, connection: Connection, workspace: str, now_ms: int) -> dict[str, list[Hint]]:
        """Return the hints whose time has come by source, the oldest first, some at a time."""
        table = _tables.hints
        query = sa.select(table).where(table.c.workspace == workspace, table.c.due_ms <= now_ms)
        found: dict[str, list[Hint]] = {}
        for row in connection.execute(query.order_by(table.c.received_ms, table.c.key).limit(10 * _BATCH)):
            mine = found.setdefault(row.source, [])
            if len(mine) < _BATCH:
                mine.append(Hint(row.key, row.received_ms, row.attempts))
        return found

    def done(self, connection: Connection, workspace: str, source: str, read: Sequence[Hint]) -> None:
        """Say that hints were read again; one that came once more in the meantime stays due."""
        table = _tables.hints
        for hint in read:
            connection.execute(
                sa.update(table)
                .where(*_mine(workspace, source), table.c.key == hint.key, table.c.received_ms == hint.received_ms)
                .values(due_ms=_DONE)
            )

    def failed(self, connection: Connection, workspace: str, source: str, tried: Sequence[Hint], now_ms: int) -> None:
        """Try again later, each time after twice as long."""
        table = _tables.hints
        for hint in tried:
            wait = min(_LONGEST_MS, _AGAIN_MS << min(hint.attempts, 16))
            connection.execute(
                sa.update(table)
                .where(*_mine(workspace, source), table.c.key == hint.key, table.c.received_ms == hint.received_ms)
                .values(due_ms=now_ms + wait, attempts=hint.attempts + 1)
            )

    def imported(self, connection: Connection, workspace: str, source: str, since_ms: int, now_ms: int) -> None:
        """Say that a whole import that began at ``since_ms`` is live: later hints are due again, the others are over."""
        table = _tables.hints
        mine = _mine(workspace, source)
        connection.execute(sa.delete(table).where(*mine, table.c.received_ms <= since_ms))
        connection.execute(
            sa.update(table).where(*mine, table.c.due_ms == _DONE, table.c.key != EVERYTHING).values(due_ms=now_ms)
        )

    def drop(self, connection: Connection, workspace: str, source: str, key: str, received_ms: int) -> None:
        """Forget a key that was received at ``received_ms`` or before."""
        table = _tables.hints
        mine = (*_mine(workspace, source), table.c.key == key, table.c.received_ms <= received_ms)
        connection.execute(sa.delete(table).where(*mine))

    def _open(self, connection: Connection, workspace: str, source: str) -> int:
        table = _tables.hints
        query = sa.select(sa.func.count()).where(*_mine(workspace, source), table.c.due_ms < _DONE)
        return int(connection.execute(query).scalar() or 0)


def _mine(workspace: str, source: str) -> tuple[Any, Any]:
    table = _tables.hints
    return table.c.workspace == workspace, table.c.source == source
