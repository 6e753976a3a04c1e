"""The rows of replacements: which lists are to be replaced as a whole, and how far a session has come."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import replacements
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert

WANTED, RUNNING, DONE, FAILED = "wanted", "running", "done", "failed"


class Replacement(msgspec.Struct, frozen=True):
    """One list's newest replacement. ``seq`` is its next request's number, ``after`` the last subject that is in it."""

    state: str
    session: int = 0
    began_ms: int = 0
    seq: int = 1
    after: str = ""
    total: int = 0
    words: str = ""
    updated_ms: int = 0

    @property
    def mark(self) -> str:
        """What the rows of those who are in the session carry."""
        return f"session:{self.session}"


class Replacements:
    """The row of one destination of one workspace."""

    def __init__(self, database: Database, workspace: str, destination: str) -> None:
        self._database = database
        self._key = {"workspace": workspace, "destination": destination}

    async def load(self) -> Replacement | None:
        """Return the newest replacement, or None when there never was one."""
        query = sa.select(replacements).where(*(replacements.c[name] == value for name, value in self._key.items()))

        def read(connection: Connection) -> Replacement | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else Replacement(**{name: row[name] for name in Replacement.__struct_fields__})

        return await self._database.query(read)

    async def save(self, replacement: Replacement) -> None:
        """Keep how far it has come."""
        await self._database.run(lambda connection: self._put(connection, replacement))

    def ask(self, now_ms: int) -> None:
        """Want the list replaced, from the beginning."""
        with self._database.begin() as connection:
            self._put(connection, Replacement(WANTED, updated_ms=now_ms))

    def _put(self, connection: Connection, replacement: Replacement) -> None:
        values = msgspec.structs.asdict(replacement) | {"words": replacement.words[:400]}
        insert = upsert(replacements, self._database.dialect).values(**self._key, **values)
        connection.execute(insert.on_conflict_do_update(index_elements=list(self._key), set_=values))
