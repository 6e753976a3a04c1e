"""What the profiles keep of one person: the items they met (`rekindle.privacy.subjects.Holder`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.model.names import Names
from rekindle.privacy.subjects import Person
from rekindle.profiles._tables import touches
from rekindle.profiles.touches import keep_latest


class ProfileHolder:
    """Touches, those of a shared browser too: nobody can say whose they were."""

    name = "profile"
    tables = (touches,)

    def rename(
        self, connection: Connection, workspace: str, renamed: Mapping[str, str], names: Names, now_ms: int
    ) -> None:
        """See `Holder.rename`."""
        mine = (touches.c.workspace == workspace, touches.c.subject.in_(sorted(renamed)))
        rows = connection.execute(sa.select(touches).where(*mine)).mappings().all()
        keep_latest(connection, [{**row, "subject": renamed[row["subject"]]} for row in rows])
        connection.execute(touches.delete().where(*mine))

    def export(self, connection: Connection, person: Person, event_ids: Collection[str]) -> Any:
        """See `Holder.export`."""
        query = sa.select(touches).where(
            touches.c.workspace == person.workspace, touches.c.subject.in_(sorted(person.names))
        )
        return [
            {"subject": row.subject, "item_id": row.item_id, "act": row.act, "at_ms": row.at_ms}
            for row in connection.execute(query.order_by(touches.c.at_ms, touches.c.item_id))
        ]

    def erase(self, connection: Connection, person: Person, event_ids: Collection[str]) -> int:
        """See `Holder.erase`."""
        return connection.execute(
            touches.delete().where(
                touches.c.workspace == person.workspace, touches.c.subject.in_(sorted(person.names | person.shared))
            )
        ).rowcount
