"""How many events came in, of which kind, and what became of them at the door: the accounting of the overview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log.view import Noted
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.record import Record, Stored, Tally
from rekindle.profiles._tables import event_counts

HOUR_MS = 3_600_000


class Totals(msgspec.Struct, frozen=True):
    """Events that reached the door since a moment: ``accepted`` by event name, the others by reason code.

    ``received`` is the sum of all; duplicates and bots are among ``filtered``.
    """

    received: int
    accepted: dict[str, int]
    filtered: dict[str, int]
    invalid: dict[str, int]

    def outcomes(self) -> dict[tuple[str, str], int]:
        """Return the same counts by (outcome, reason), for a balance."""
        found = {(Outcome.ACCEPTED.value, Reason.OK.value): sum(self.accepted.values())}
        for outcome, reasons in ((Outcome.FILTERED.value, self.filtered), (Outcome.INVALID.value, self.invalid)):
            found |= {(outcome, reason): count for reason, count in reasons.items()}
        return found


class Point(msgspec.Struct, frozen=True):
    """One number of the series: ``event`` is empty for what was refused unread."""

    hour_ms: int
    event: str
    outcome: str
    reason: str
    count: int


class Statistics:
    """The part of the view that keeps `statistics_events`."""

    def prepare(self, records: Sequence[Record]) -> None:
        """Need nothing from elsewhere."""

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        counts: Counter[tuple[str, int, str, str, str]] = Counter()
        for record, duplicate in batch:
            if isinstance(record, Tally):
                counts[record.workspace, hour(record.received_ms), "", record.outcome, record.reason] += record.count
            elif isinstance(record, Stored):
                outcome, reason = _stored(record, duplicate)
                counts[record.workspace, hour(record.received_ms), record.event, outcome, reason] += 1
        if not counts:
            return
        statement = upsert(event_counts, connection.dialect.name)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(event_counts.primary_key),
                set_={"count": event_counts.c.count + statement.excluded.count},
            ),
            [
                {"workspace": w, "hour_ms": h, "event": e, "outcome": o, "reason": r, "count": n}
                for (w, h, e, o, r), n in sorted(counts.items())
            ],
        )

    def clear(self, connection: Connection) -> None:
        connection.execute(event_counts.delete())


def series(database: Database, workspace: str, since_ms: int) -> list[Point]:
    """Return the counts by hour (UTC), event name, outcome and reason, oldest first, from ``since_ms``'s hour on."""
    query = (
        sa.select(
            event_counts.c.hour_ms,
            event_counts.c.event,
            event_counts.c.outcome,
            event_counts.c.reason,
            event_counts.c.count,
        )
        .where(event_counts.c.workspace == workspace, event_counts.c.hour_ms >= hour(since_ms))
        .order_by(event_counts.c.hour_ms, event_counts.c.event, event_counts.c.outcome, event_counts.c.reason)
    )
    with database.read() as connection:
        return [Point(*row) for row in connection.execute(query)]


def totals(database: Database, workspace: str, since_ms: int) -> Totals:
    """Return the sums from ``since_ms``'s hour on."""
    accepted: Counter[str] = Counter()
    refused: dict[str, Counter[str]] = {Outcome.FILTERED.value: Counter(), Outcome.INVALID.value: Counter()}
    for point in series(database, workspace, since_ms):
        if point.outcome == Outcome.ACCEPTED.value:
            accepted[point.event] += point.count
        else:
            refused.setdefault(point.outcome, Counter())[point.reason] += point.count
    received = accepted.total() + sum(counter.total() for counter in refused.values())
    return Totals(
        received=received,
        accepted=dict(accepted),
        filtered=dict(refused[Outcome.FILTERED.value]),
        invalid=dict(refused[Outcome.INVALID.value]),
    )


def trim(connection: Connection, before_ms: int) -> int:
    """Drop hours that ended before ``before_ms``; return how many rows."""
    return connection.execute(event_counts.delete().where(event_counts.c.hour_ms < hour(before_ms))).rowcount


def hour(ms: int) -> int:
    """Return the start of the hour (UTC) that ``ms`` is in."""
    return ms // HOUR_MS * HOUR_MS


def _stored(record: Stored, duplicate: bool) -> tuple[str, str]:
    if duplicate:
        return Outcome.FILTERED.value, Reason.DUPLICATE.value
    if record.bot:
        return Outcome.FILTERED.value, Reason.BOT.value
    return Outcome.ACCEPTED.value, Reason.OK.value
