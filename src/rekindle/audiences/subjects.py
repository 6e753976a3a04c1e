"""What the audiences keep of one person: memberships and their history (`rekindle.privacy.subjects.Holder`)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.audiences._tables import changes, members, timers, visitors
from rekindle.privacy.subjects import Person


class AudienceHolder:
    """States, memberships, timers and the history; the platforms are told by the erasure itself, not by the history."""

    name = "audiences"

    def export(self, connection: Connection, person: Person, event_ids: Collection[str]) -> Any:
        """See `Holder.export`."""
        names = sorted(person.names)
        inside = sa.select(members).where(members.c.workspace == person.workspace, members.c.subject.in_(names))
        history = sa.select(changes).where(changes.c.workspace == person.workspace, changes.c.subject.in_(names))
        return {
            "member_of": [
                {"subject": row.subject, "audience": row.audience, "since_ms": row.since_ms}
                for row in connection.execute(inside.order_by(members.c.audience, members.c.subject))
            ],
            "history": [
                {
                    "subject": row.subject,
                    "audience": row.audience,
                    "at_ms": row.at_ms,
                    "entered": row.entered,
                    "reason": row.reason,
                }
                for row in connection.execute(history.order_by(changes.c.id))
            ],
        }

    def erase(self, connection: Connection, person: Person, event_ids: Collection[str]) -> int:
        """See `Holder.erase`."""
        names = sorted(person.names | person.shared)
        return sum(
            connection.execute(
                table.delete().where(table.c.workspace == person.workspace, table.c.subject.in_(names))
            ).rowcount
            for table in (visitors, members, timers, changes)
        )
