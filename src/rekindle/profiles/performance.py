"""How many visitors did what with each item lately: what a feed's rules can ask."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.model.ports import ItemCounts
from rekindle.profiles._tables import touches


class ItemPerformance:
    """Reads `profile_touches`; keeps `rekindle.model.ports.Performance`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, workspace: str, since_ms: int) -> Iterator[ItemCounts]:
        """See `model.ports.Performance.counts`."""
        act = touches.c.act

        def visitors(kind: str) -> sa.ColumnElement[int]:
            return sa.func.sum(sa.case((act == kind, 1), else_=0))

        query = (
            sa.select(touches.c.item_id, visitors("view"), visitors("cart"), visitors("purchase"))
            .where(touches.c.workspace == workspace, touches.c.at_ms >= since_ms, touches.c.item_id != "")
            .group_by(touches.c.item_id)
            .order_by(touches.c.item_id)
        )
        with self._database.read() as connection:
            for row in connection.execution_options(stream_results=True).execute(query):
                yield ItemCounts(str(row[0]), int(row[1]), int(row[2]), int(row[3]))
