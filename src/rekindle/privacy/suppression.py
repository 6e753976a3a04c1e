"""The suppression list: subjects whose data may neither be kept nor sent, whatever their consent says later.

The list holds a hash of each pseudonym, not the pseudonym: it recognises who comes, and names nobody who has gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.privacy._tables import suppressed as table

_AT_ONCE = 500
_LOOK_MS = 1_000
_READ_MS = 60_000


def mark(workspace: str, subject: str) -> str:
    """Return the form in which the list holds a subject: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(f"rekindle/suppression\x1f{workspace}\x1f{subject}".encode()).hexdigest()


class Suppression:
    """Reads hit the database: the list must be right in every process at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def suppressed(self, workspace: str, subject: str) -> bool:
        """Tell whether the subject is on the list."""
        return bool(self.suppressed_among(workspace, [subject]))

    def suppressed_among(self, workspace: str, subjects: Collection[str]) -> frozenset[str]:
        """Return those of ``subjects`` that are on the list: one statement for each 500 of them."""
        wanted = {mark(workspace, subject): subject for subject in sorted(set(subjects))}
        marks = list(wanted)
        found: set[str] = set()
        if marks:
            with self._database.read() as connection:
                for start in range(0, len(marks), _AT_ONCE):
                    query = sa.select(table.c.subject).where(
                        table.c.workspace == workspace, table.c.subject.in_(marks[start : start + _AT_ONCE])
                    )
                    found.update(wanted[each] for each in connection.scalars(query))
        return frozenset(found)

    def add(self, workspace: str, subject: str, reason: str, now_ms: int) -> None:
        """Put a subject on the list; the first entry stays."""
        with self._database.begin() as connection:
            put(connection, workspace, [subject], reason, now_ms)

    def remove(self, workspace: str, subject: str) -> None:
        """Take a subject off the list, at the person's own wish."""
        with self._database.begin() as connection:
            connection.execute(
                sa.delete(table).where(table.c.workspace == workspace, table.c.subject == mark(workspace, subject))
            )


def put(connection: Connection, workspace: str, subjects: Collection[str], reason: str, now_ms: int) -> None:
    """Put subjects on the list within a transaction; the first entry of each stays."""
    if subjects:
        connection.execute(
            upsert(table, connection.dialect.name).on_conflict_do_nothing(),
            [
                {"workspace": workspace, "subject": mark(workspace, subject), "since_ms": now_ms, "reason": reason}
                for subject in sorted(subjects)
            ],
        )


class SuppressionCopy:
    """The whole list in memory, for the door: no statement for an event, and at most a second old.

    Raises what the database raises when it cannot be looked at; then nothing may be taken in.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._marks: frozenset[str] = frozenset()
        self._state: tuple[int, int | None] = (-1, None)
        self._looked_ms = self._read_ms = -_READ_MS

    def __call__(self, workspace: str, subject: str) -> bool:
        """Tell whether the subject is on the list."""
        now = self._clock()
        if not 0 <= now - self._looked_ms < _LOOK_MS:
            self._look(now)
        return bool(self._marks) and mark(workspace, subject) in self._marks

    def _look(self, now: int) -> None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(sa.func.count(), sa.func.max(table.c.since_ms)).select_from(table)).one()
            state = (int(row[0]), row[1])
            # One that came and one that went within a millisecond look like nothing; so it is read anyway at times.
            if state != self._state or not 0 <= now - self._read_ms < _READ_MS:
                self._marks = frozenset(connection.scalars(sa.select(table.c.subject)))
                self._state, self._read_ms = state, now
        self._looked_ms = now


__all__ = ["Suppression", "SuppressionCopy", "mark", "put"]
