"""What a room must offer that keeps something of visitors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database.core import upsert
from rekindle.model.names import Names
from rekindle.privacy._tables import consents
from rekindle.privacy.subjects.person import Person


class Holder(Protocol):
    """One room's rows about people. Both methods work in the caller's transaction and must not commit."""

    @property
    def name(self) -> str:
        """What the rows are, for the export and the certificate."""
        ...

    def export(self, connection: Connection, person: Person, event_ids: Collection[str]) -> Any:
        """Return everything kept of the person, as plain values that JSON can hold."""
        ...

    def erase(self, connection: Connection, person: Person, event_ids: Collection[str]) -> int:
        """Delete it; return how many rows were deleted or made nameless."""
        ...

    @property
    def tables(self) -> Sequence[sa.Table]:
        """The tables with the columns ``workspace`` and ``subject`` whose rows stand under a pseudonym."""
        ...

    def rename(
        self, connection: Connection, workspace: str, renamed: Mapping[str, str], names: Names, now_ms: int
    ) -> None:
        """Put what stands under the old pseudonyms (the keys) under the new ones, and join it with what is there.

        Nothing may be lost or gained by it: who was a member, was sent or has withdrawn is so afterwards.
        """
        ...


class ConsentHolder:
    """The newest choices. Those of a shared browser stay: they protect the others."""

    name = "consent"
    tables = (consents,)

    def rename(
        self, connection: Connection, workspace: str, renamed: Mapping[str, str], names: Names, now_ms: int
    ) -> None:
        """See `Holder.rename`. The newer choice stays; of two of one moment the one under the newer name."""
        mine = (consents.c.workspace == workspace, consents.c.subject.in_(sorted(renamed)))
        rows = connection.execute(sa.select(consents).where(*mine).order_by(consents.c.received_ms)).mappings().all()
        statement = upsert(consents, connection.dialect.name)
        statement = statement.on_conflict_do_update(
            index_elements=["workspace", "subject"],
            set_={"received_ms": statement.excluded.received_ms, "consent": statement.excluded.consent},
            where=consents.c.received_ms < statement.excluded.received_ms,
        )
        if rows:
            connection.execute(statement, [{**row, "subject": renamed[row["subject"]]} for row in rows])
            connection.execute(sa.delete(consents).where(*mine))

    def export(self, connection: Connection, person: Person, event_ids: Collection[str]) -> Any:
        """See `Holder.export`."""
        rows = connection.execute(
            sa.select(consents).where(
                consents.c.workspace == person.workspace, consents.c.subject.in_(sorted(person.names))
            )
        )
        return [
            {"subject": row.subject, "received_ms": row.received_ms, "consent": msgspec.msgpack.decode(row.consent)}
            for row in rows
        ]

    def erase(self, connection: Connection, person: Person, event_ids: Collection[str]) -> int:
        """See `Holder.erase`."""
        return connection.execute(
            sa.delete(consents).where(
                consents.c.workspace == person.workspace, consents.c.subject.in_(sorted(person.names))
            )
        ).rowcount
