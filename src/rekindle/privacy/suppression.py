"""The suppression list: subjects whose data may neither be kept nor sent, whatever their consent says later."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.privacy._tables import suppressed as table

_AT_ONCE = 500


class Suppression:
    """Pseudonyms only. Reads hit the database: the list must be right in every process at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def suppressed(self, workspace: str, subject: str) -> bool:
        """Tell whether the subject is on the list."""
        with self._database.read() as connection:
            found = connection.scalar(
                sa.select(sa.literal(1)).where(table.c.workspace == workspace, table.c.subject == subject)
            )
        return found is not None

    def suppressed_among(self, workspace: str, subjects: Collection[str]) -> frozenset[str]:
        """Return those of ``subjects`` that are on the list: one statement for each 500 of them."""
        wanted = sorted(set(subjects))
        found: set[str] = set()
        if wanted:
            with self._database.read() as connection:
                for start in range(0, len(wanted), _AT_ONCE):
                    part = wanted[start : start + _AT_ONCE]
                    found.update(
                        connection.scalars(
                            sa.select(table.c.subject).where(table.c.workspace == workspace, table.c.subject.in_(part))
                        )
                    )
        return frozenset(found)

    def add(self, workspace: str, subject: str, reason: str, now_ms: int) -> None:
        """Put a subject on the list; the first entry stays."""
        statement = upsert(table, self._database.dialect).values(
            workspace=workspace, subject=subject, since_ms=now_ms, reason=reason
        )
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def remove(self, workspace: str, subject: str) -> None:
        """Take a subject off the list, at the person's own wish."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.workspace == workspace, table.c.subject == subject))
