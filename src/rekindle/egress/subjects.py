"""What egress keeps of one person's events: outcomes, retries, dead letters (`rekindle.privacy.subjects.Holder`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import counts, outcomes, people, retries
from rekindle.engines.database.core import upsert
from rekindle.model.names import Names
from rekindle.model.outcome import FINAL, Outcome, Reason
from rekindle.privacy.subjects import Person

_AT_ONCE = 500


class OutcomeHolder:
    """Rows go, counts stay: what was on its way is counted as erased, so that all sums still balance."""

    name = "outcomes"
    tables = ()

    def rename(
        self, connection: Connection, workspace: str, renamed: Mapping[str, str], names: Names, now_ms: int
    ) -> None:
        """See `Holder.rename`. These rows stand under the events' ids."""

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
        moved: Counter[tuple[str, str, str]] = Counter()
        erased = (Outcome.FILTERED.value, Reason.ERASED.value)
        for part in _parts(event_ids):
            mine = (outcomes.c.workspace == person.workspace, outcomes.c.event_id.in_(part))
            columns = (outcomes.c.destination, outcomes.c.outcome, outcomes.c.reason)
            for row in connection.execute(sa.select(*columns).where(*mine)):
                if row.outcome not in FINAL:
                    moved[row.destination, row.outcome, row.reason] -= 1
                    moved[row.destination, *erased] += 1
                elif row.reason == Reason.AWAITING_DECISION:
                    # It was sent; nobody will be able to say any more what the platform decided.
                    moved[row.destination, row.outcome, row.reason] -= 1
                    moved[row.destination, row.outcome, Reason.UNDECIDED.value] += 1
            done += connection.execute(sa.delete(outcomes).where(*mine)).rowcount
            done += connection.execute(
                sa.delete(retries).where(retries.c.workspace == person.workspace, retries.c.event_id.in_(part))
            ).rowcount
        for (destination, outcome, reason), count in sorted(moved.items()):
            key = {
                "workspace": person.workspace,
                "destination": destination,
                "outcome": outcome,
                "reason": reason,
            }
            insert = upsert(counts, connection.dialect.name).values(**key, count=count)
            connection.execute(
                insert.on_conflict_do_update(index_elements=list(key), set_={"count": counts.c.count + count})
            )
        return done


class ListHolder:
    """What the audience lanes know of a person: what each platform was given, and what is still to be told.

    The platforms themselves are told by the erasure, which has put aside what they know the person by.
    """

    name = "platform lists"
    tables = (people,)

    def rename(
        self, connection: Connection, workspace: str, renamed: Mapping[str, str], names: Names, now_ms: int
    ) -> None:
        """See `Holder.rename`. Who was given to a platform under any name is there; both known: decided again now."""
        mine = (people.c.workspace == workspace, people.c.subject.in_(sorted({*renamed, *renamed.values()})))
        rows = connection.execute(sa.select(people).where(*mine)).mappings().all()
        known = {(row["destination"], row["subject"]): dict(row) for row in rows}
        for (destination, old), row in sorted(known.items()):
            if old not in renamed or renamed[old] == old:
                continue
            here = (people.c.workspace == workspace, people.c.destination == destination)
            others = " ".join(sorted(set(map(names.current, row["names"].split()))))
            moved = row | {
                "subject": renamed[old],
                "names": others,
                "sealed_for": row["sealed_for"] or (old if row["sealed"] else ""),
            }
            twin = known.get((destination, renamed[old]))
            if twin is not None:
                moved = _joined(moved, twin, now_ms)
                connection.execute(sa.delete(people).where(*here, people.c.subject == renamed[old]))
            connection.execute(sa.update(people).where(*here, people.c.subject == old).values(**moved))
            known[destination, renamed[old]] = moved

    def export(self, connection: Connection, person: Person, event_ids: Collection[str]) -> Any:
        """See `Holder.export`."""
        query = sa.select(people).where(people.c.workspace == person.workspace, _named(person, person.names))
        return [
            {name: row[name] for name in ("destination", "subject", "wanted", "sent", "outcome", "reason")}
            for row in connection.execute(query.order_by(people.c.destination, people.c.subject)).mappings()
        ]

    def erase(self, connection: Connection, person: Person, event_ids: Collection[str]) -> int:
        """See `Holder.erase`."""
        return connection.execute(
            sa.delete(people).where(
                people.c.workspace == person.workspace, _named(person, person.names | person.shared)
            )
        ).rowcount


def _joined(one: dict[str, Any], other: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return one row of two that are the same person's: the later word counts, and who is there is there."""
    later = max(one, other, key=lambda row: row["updated_ms"])
    seen = max((row for row in (one, other)), key=lambda row: (bool(row["sealed"]), row["seen_ms"]))
    names = " ".join(sorted({*one["names"].split(), *other["names"].split()}))
    sealed = {name: seen[name] for name in ("sealed", "sealed_for", "seen_ms")}
    return later | sealed | {"names": names, "sent": one["sent"] or other["sent"], "due_ms": now_ms, "attempts": 0}


def _named(person: Person, subjects: Collection[str]) -> sa.ColumnElement[bool]:
    by_other_name = [people.c.names.contains(name) for name in sorted(person.identifiers)]
    return sa.or_(people.c.subject.in_(sorted(subjects)), *by_other_name)


def _parts(event_ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(event_ids)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]
