"""The counts of outcomes, kept beside the outcomes in the same transaction, so that no sum needs to read them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import counts, outcomes
from rekindle.engines.database.core import upsert


def move_counts(connection: Connection, key: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> None:
    """Move each event from the count of its outcome until now to that of its new one.

    ``key`` holds ``workspace`` and ``destination``; each row ``event_id`` and the new ``outcome`` and ``reason``. Call
    it before the rows are written.
    """
    moved: Counter[tuple[str, str]] = Counter()
    mine = [outcomes.c[name] == value for name, value in key.items()]
    names = [str(row["event_id"]) for row in rows]
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        # Counted here: asked to group them, SQLite goes through every outcome that the destination ever had.
        before = sa.select(outcomes.c.outcome, outcomes.c.reason).where(*mine, outcomes.c.event_id.in_(part))
        moved.subtract((row.outcome, row.reason) for row in connection.execute(before))
    moved.update((str(row["outcome"]), str(row["reason"])) for row in {row["event_id"]: row for row in rows}.values())
    changed = [
        {**key, "outcome": outcome, "reason": reason, "count": count}
        for (outcome, reason), count in sorted(moved.items())
        if count
    ]
    if changed:
        insert = upsert(counts, connection.dialect.name)
        names_of_key = [column.name for column in counts.primary_key]
        total = {"count": counts.c.count + insert.excluded.count}
        connection.execute(insert.on_conflict_do_update(index_elements=names_of_key, set_=total), changed)
