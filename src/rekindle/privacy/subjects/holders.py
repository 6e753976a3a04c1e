"""What a room must offer that keeps something of visitors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

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


class ConsentHolder:
    """The newest choices. Those of a shared browser stay: they protect the others."""

    name = "consent"

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
