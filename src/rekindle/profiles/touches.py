"""What each visitor did with each item: the last time of every act, which is all that carts and ads need.

The state is a maximum per (visitor, item, act), so neither the order in which entries arrive nor seeing one twice
changes it. An item is in the cart when it was put there after it was last taken out and after the last purchase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log.view import Noted
from rekindle.model.behaviour import item_acts
from rekindle.model.names import PLAIN, Names
from rekindle.model.ports import Touch
from rekindle.model.record import Record, Stored
from rekindle.profiles._tables import touches

# Far more than an ad or a cart shows, and a bound on what one very busy visitor can cost a page.
_NEWEST = 400


class Touches:
    """The part of the view that keeps `profile_touches`."""

    def prepare(self, records: Sequence[Record]) -> None:
        """Need nothing from elsewhere."""

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        newest: dict[tuple[str, str, str, str], int] = {}
        for record, duplicate in batch:
            if not isinstance(record, Stored) or duplicate:
                continue
            for act, item_id, at_ms in item_acts(record):
                key = (record.workspace, record.subject, item_id, act)
                newest[key] = max(at_ms, newest.get(key, at_ms))
        keep_latest(
            connection,
            [
                {"workspace": workspace, "subject": subject, "item_id": item_id, "act": act, "at_ms": at_ms}
                for (workspace, subject, item_id, act), at_ms in sorted(newest.items())
            ],
        )

    def clear(self, connection: Connection) -> None:
        connection.execute(touches.delete())


def keep_latest(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write touches; of what is known already the later time stays."""
    if not rows:
        return
    statement = upsert(touches, connection.dialect.name)
    later = sa.case((statement.excluded.at_ms > touches.c.at_ms, statement.excluded.at_ms), else_=touches.c.at_ms)
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(touches.primary_key), set_={"at_ms": later}), list(rows)
    )


class History:
    """Reads touches; keeps `rekindle.model.ports.VisitorHistory`."""

    def __init__(self, database: Database, names: Names = PLAIN) -> None:
        self._database = database
        self._names = names

    def touches(self, workspace: str, subject: str, limit: int) -> Sequence[Touch]:
        """Return the visitor's items, newest first; a cart touch only for what is still in the cart."""
        query = (
            sa.select(touches.c.item_id, touches.c.act, touches.c.at_ms)
            .where(touches.c.workspace == workspace, touches.c.subject.in_(self._names.aliases(subject)))
            .order_by(touches.c.at_ms.desc(), touches.c.item_id, touches.c.act)
            .limit(_NEWEST)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        removed = {row.item_id: row.at_ms for row in rows if row.act == "remove"}
        bought_ms = max((row.at_ms for row in rows if row.act == "purchase"), default=-1)
        found = [
            Touch(row.item_id, row.act, row.at_ms)
            for row in rows
            if row.item_id
            and row.act != "remove"
            and (row.act != "cart" or row.at_ms > max(bought_ms, removed.get(row.item_id, -1)))
        ]
        return found[:limit]


def trim(connection: Connection, before_ms: int) -> int:
    """Drop acts older than ``before_ms``; return how many."""
    return connection.execute(touches.delete().where(touches.c.at_ms < before_ms)).rowcount


def erase(connection: Connection, workspace: str, subject: str) -> int:
    """Drop everything kept of one visitor; return how many rows."""
    return connection.execute(
        touches.delete().where(touches.c.workspace == workspace, touches.c.subject == subject)
    ).rowcount
