"""What egress keeps of one person's events: outcomes, retries, dead letters (`rekindle.privacy.subjects.Holder`)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import outcomes, retries
from rekindle.model.outcome import FINAL, Outcome, Reason
from rekindle.privacy.subjects import Person

_AT_ONCE = 500


class OutcomeHolder:
    """An outcome stays as a number: without the event's id and the platform's words, so that all sums still balance."""

    name = "outcomes"

    def export(self, connection: Connection, person: Person, event_ids: Collection[str]) -> Any:
        """See `Holder.export`."""
        found = []
        for part in _parts(event_ids):
            query = sa.select(outcomes).where(
                outcomes.c.workspace == person.workspace, outcomes.c.event_id.in_(part)
            )  # fmt: skip
            found += [
                {
                    name: row[name]
                    for name in ("destination", "event_id", "event", "outcome", "reason", "detail", "attempts")
                }
                for row in connection.execute(query).mappings()
            ]
        return sorted(found, key=lambda row: (row["destination"], row["event_id"]))

    def erase(self, connection: Connection, person: Person, event_ids: Collection[str]) -> int:
        """See `Holder.erase`."""
        done = 0
        for part in _parts(event_ids):
            mine = (outcomes.c.workspace == person.workspace, outcomes.c.event_id.in_(part))
            rows = connection.execute(
                sa.select(outcomes.c.destination, outcomes.c.event_id, outcomes.c.outcome).where(*mine)
            ).all()
            for row in rows:
                values: dict[str, Any] = {"event_id": f"erased-{os.urandom(12).hex()}", "detail": "", "trace": ""}
                if row.outcome not in FINAL:
                    values |= {"outcome": Outcome.FILTERED.value, "reason": Reason.ERASED.value}
                connection.execute(
                    sa.update(outcomes)
                    .where(
                        outcomes.c.workspace == person.workspace,
                        outcomes.c.destination == row.destination,
                        outcomes.c.event_id == row.event_id,
                    )
                    .values(**values)
                )
            done += len(rows)
            done += connection.execute(
                sa.delete(retries).where(retries.c.workspace == person.workspace, retries.c.event_id.in_(part))
            ).rowcount
        return done


def _parts(event_ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(event_ids)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]
