"""What the audiences keep of one person: memberships and their history (`rekindle.privacy.subjects.Holder`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.audiences._state import pack, unpack
from rekindle.audiences._tables import changes, members, rules, timers, visitors
from rekindle.engines.database.core import upsert
from rekindle.model.names import Names
from rekindle.privacy.subjects import Person


class AudienceHolder:
    """States, memberships, timers and the history; the platforms are told by the erasure itself, not by the history."""

    name = "audiences"
    tables = (visitors, members, timers, changes)

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

    def rename(
        self, connection: Connection, workspace: str, renamed: Mapping[str, str], names: Names, now_ms: int
    ) -> None:
        """See `Holder.rename`. Who is known under both names is judged anew, by a timer that is due at once."""
        both = self._states(connection, workspace, renamed)
        for table, column in ((members, members.c.since_ms), (timers, timers.c.due_ms)):
            mine = (table.c.workspace == workspace, table.c.subject.in_(sorted(renamed)))
            rows = connection.execute(sa.select(table).where(*mine)).mappings().all()
            if rows:
                statement = upsert(table, connection.dialect.name)
                theirs = statement.excluded[column.name]
                earlier = sa.case((theirs < column, theirs), else_=column)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=list(table.primary_key), set_={column.name: earlier}
                    ),
                    [{**row, "subject": renamed[row["subject"]]} for row in rows],
                )
                connection.execute(table.delete().where(*mine))
        for old, new in sorted(renamed.items()):
            connection.execute(
                changes.update().where(changes.c.workspace == workspace, changes.c.subject == old).values(subject=new)
            )
        if both:
            known = connection.scalars(sa.select(rules.c.audience).where(rules.c.workspace == workspace)).all()
            due = [
                {"workspace": workspace, "subject": subject, "audience": audience, "due_ms": now_ms}
                for subject in sorted(both)
                for audience in sorted(known)
            ]
            statement = upsert(timers, connection.dialect.name)
            if due:
                connection.execute(
                    statement.on_conflict_do_update(index_elements=list(timers.primary_key), set_={"due_ms": now_ms}),
                    due,
                )

    @staticmethod
    def _states(connection: Connection, workspace: str, renamed: Mapping[str, str]) -> set[str]:
        """Move the visitors' states; return the new names under which something was known already."""
        wanted = sorted({*renamed, *renamed.values()})
        query = sa.select(visitors).where(visitors.c.workspace == workspace, visitors.c.subject.in_(wanted))
        found = {row.subject: row for row in connection.execute(query.with_for_update())}
        both = set()
        for old, new in sorted(renamed.items()):
            if old not in found:
                continue
            mine = visitors.c.workspace == workspace
            if new not in found:
                connection.execute(visitors.update().where(mine, visitors.c.subject == old).values(subject=new))
                found[new] = found.pop(old)
                continue
            both.add(new)
            state = unpack(found[old].state)
            state.join(unpack(found[new].state))
            values = {"state": pack(state), "touched_ms": max(found[old].touched_ms, found[new].touched_ms)}
            connection.execute(visitors.update().where(mine, visitors.c.subject == new).values(**values))
            connection.execute(visitors.delete().where(mine, visitors.c.subject == old))
        return both
