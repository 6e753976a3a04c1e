"""The suppression list: subjects whose data may neither be kept nor sent, whatever their consent says later.

The list holds a hash of what all pseudonyms of a person have in common, not a pseudonym: it recognises who comes, before
and after any rotation of keys, and names nobody who has gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.model.names import PLAIN, Names
from rekindle.privacy._tables import suppressed as table

_AT_ONCE = 500
_LOOK_MS = 1_000
_READ_MS = 60_000


def mark(workspace: str, subject: str, names: Names) -> str | None:
    """Return the form in which the list holds a subject: SHA-256, 64 hexadecimal digits.

    None for a pseudonym whose key is gone: nobody can say any more whose it was.
    """
    root = names.root(subject)
    return (
        None if root is None else hashlib.sha256(f"rekindle/suppression\x1f{workspace}\x1f{root}".encode()).hexdigest()
    )


class Suppression:
    """Reads hit the database: the list must be right in every process at once.

    A pseudonym whose key is gone counts as suppressed: it may be anybody's who is on the list.
    """

    def __init__(self, database: Database, names: Names = PLAIN) -> None:
        self._database = database
        self._names = names

    def suppressed(self, workspace: str, subject: str) -> bool:
        """Tell whether the subject is on the list."""
        return bool(self.suppressed_among(workspace, [subject]))

    def suppressed_among(self, workspace: str, subjects: Collection[str]) -> frozenset[str]:
        """Return those of ``subjects`` that are on the list: one statement for each 500 of them."""
        wanted: dict[str, list[str]] = {}
        found: set[str] = set()
        for subject in sorted(set(subjects)):
            marked = mark(workspace, subject, self._names)
            if marked is None:
                found.add(subject)
            else:
                wanted.setdefault(marked, []).append(subject)
        marks = list(wanted)
        if marks:
            with self._database.read() as connection:
                for start in range(0, len(marks), _AT_ONCE):
                    query = sa.select(table.c.subject).where(
                        table.c.workspace == workspace, table.c.subject.in_(marks[start : start + _AT_ONCE])
                    )
                    for each in connection.scalars(query):
                        found.update(wanted[each])
        return frozenset(found)

    def add(self, workspace: str, subject: str, reason: str, now_ms: int) -> None:
        """Put a subject on the list; the first entry stays."""
        with self._database.begin() as connection:
            put(connection, workspace, [subject], reason, now_ms, self._names)

    def remove(self, workspace: str, subject: str) -> None:
        """Take a subject off the list, at the person's own wish."""
        with self._database.begin() as connection:
            connection.execute(
                sa.delete(table).where(
                    table.c.workspace == workspace, table.c.subject == mark(workspace, subject, self._names)
                )
            )


def put(
    connection: Connection, workspace: str, subjects: Collection[str], reason: str, now_ms: int, names: Names
) -> None:
    """Put subjects on the list within a transaction; the first entry of each stays."""
    marks = {mark(workspace, subject, names) for subject in subjects} - {None}
    if marks:
        connection.execute(
            upsert(table, connection.dialect.name).on_conflict_do_nothing(),
            [
                {"workspace": workspace, "subject": each, "since_ms": now_ms, "reason": reason}
                for each in sorted(filter(None, marks))
            ],
        )


class SuppressionCopy:
    """The whole list in memory, for the door: no statement for an event, and at most a second old.

    Raises what the database raises when it cannot be looked at; then nothing may be taken in.
    """

    def __init__(self, database: Database, clock: Clock, names: Names = PLAIN) -> None:
        self._database = database
        self._clock = clock
        self._names = names
        self._marks: frozenset[str] = frozenset()
        self._state: tuple[int, int | None] = (-1, None)
        self._looked_ms = self._read_ms = -_READ_MS

    def __call__(self, workspace: str, subject: str) -> bool:
        """Tell whether the subject is on the list."""
        now = self._clock()
        if not 0 <= now - self._looked_ms < _LOOK_MS:
            self._look(now)
        if not self._marks:
            return False
        marked = mark(workspace, subject, self._names)
        return marked is None or marked in self._marks

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
