"""Dead letters: find what came to a bad end, look at it without personal data, and send it the whole way again.

A replay is no short cut: the event goes back to its lane, which decides consent anew, opens the seal (or finds the
person erased), keeps the id contract, maps with today's settings and looks at the platform's window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import outcomes, retries
from rekindle.egress.status import EventOutcome
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Log
from rekindle.model.outcome import Outcome
from rekindle.model.record import Stored, decode

_PART = 500


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters. ``outcome``: ``dead`` (a platform refused it) or ``invalid`` (it could not be mapped)."""

    workspace: str
    destination: str | None = None
    reason: str | None = None
    event_id: str | None = None
    outcome: Literal["dead", "invalid"] = "dead"


class Replayed(msgspec.Struct, frozen=True):
    """``again`` events are on their way; ``gone`` ones are no longer in the log and stay as they were."""

    again: int
    gone: int


class Letter(msgspec.Struct, frozen=True):
    """One dead letter with the event as it was stored: its seal is not opened, so nothing in it names a person."""

    outcome: EventOutcome
    record: dict[str, Any] | None


def find(database: Database, chosen: Filter, limit: int) -> list[EventOutcome]:
    """Return the letters, newest first."""
    query = sa.select(*(outcomes.c[name] for name in EventOutcome.__struct_fields__)).where(*_where(chosen))
    query = query.order_by(outcomes.c.updated_ms.desc(), outcomes.c.destination, outcomes.c.event_id).limit(limit)
    with database.read() as connection:
        return [EventOutcome(*row) for row in connection.execute(query)]


async def show(database: Database, log: Log, chosen: Filter) -> list[Letter]:
    """Return the letters of one event (``event_id``), by destination."""
    found = find(database, chosen, 100)
    letters = []
    for each in sorted(found, key=lambda each: each.destination):
        with database.read() as connection:
            place = connection.execute(_places(chosen).where(outcomes.c.destination == each.destination)).first()
        record = await _record(log, place.partition, place.offset, each.event_id) if place else None
        letters.append(Letter(each, None if record is None else _open_part(record[0])))
    return letters


async def replay(database: Database, log: Log, chosen: Filter, now_ms: int, limit: int) -> Replayed:
    """Give up to ``limit`` letters back to their lanes. Their outcome is then ``waiting``, until it is a new one."""
    with database.read() as connection:
        rows = connection.execute(_places(chosen).order_by(outcomes.c.updated_ms.desc()).limit(limit)).all()
    again = gone = 0
    for part in _parts(rows):
        ready: list[dict[str, Any]] = []
        for row in part:
            found = await _record(log, row.partition, row.offset, row.event_id)
            if found is None:
                gone += 1
                continue
            ready.append(
                {
                    "workspace": chosen.workspace,
                    "destination": row.destination,
                    "event_id": row.event_id,
                    "next_ms": now_ms,
                    "attempts": 0,
                    "first_ms": now_ms,
                    "record": found[1],
                    "partition": row.partition,
                    "offset": row.offset,
                }
            )
        moved = await database.run(lambda c, ready=ready: _move(c, database.dialect, chosen, ready, now_ms))  # type: ignore[misc]
        again += moved
    return Replayed(again, gone)


def _move(connection: Connection, dialect: str, chosen: Filter, ready: list[dict[str, Any]], now_ms: int) -> int:
    """Put the events into the retries; what another replay has taken meanwhile is left alone."""
    moved = 0
    for row in ready:
        key = (
            outcomes.c.workspace == row["workspace"],
            outcomes.c.destination == row["destination"],
            outcomes.c.event_id == row["event_id"],
            outcomes.c.outcome == chosen.outcome,
        )
        changed = {"outcome": str(Outcome.WAITING), "reason": "replayed", "attempts": 0, "updated_ms": now_ms}
        if connection.execute(sa.update(outcomes).where(*key).values(**changed)).rowcount:
            connection.execute(upsert(retries, dialect).values(**row).on_conflict_do_nothing())
            moved += 1
    return moved


async def _record(log: Log, partition: int, offset: int, event_id: str) -> tuple[Stored, bytes] | None:
    for entry in await log.tail((partition, offset - 1), 1):
        try:
            record = decode(entry.value)
        except msgspec.MsgspecError:
            return None
        if (entry.partition, entry.offset) == (partition, offset) and isinstance(record, Stored):
            return (record, entry.value) if record.event_id == event_id else None
    return None


def _open_part(record: Stored) -> dict[str, Any]:
    """Return what is stored in the open; in place of the seal stands its size."""
    shown: dict[str, Any] = msgspec.to_builtins(record, str_keys=True)
    shown["sealed"] = f"{len(record.sealed)} bytes, not opened"
    for name in ("tcf", "gpp", "ac"):
        if name in shown["consent"]:
            shown["consent"][name] = f"{len(shown['consent'][name])} characters"
    return shown


def _places(chosen: Filter) -> sa.Select[tuple[str, str, int, int]]:
    columns = (outcomes.c.destination, outcomes.c.event_id, outcomes.c.partition, outcomes.c.offset)
    return sa.select(*columns).where(*_where(chosen))


def _where(chosen: Filter) -> Iterator[sa.ColumnElement[bool]]:
    yield outcomes.c.workspace == chosen.workspace
    yield outcomes.c.outcome == chosen.outcome
    for name in ("destination", "reason", "event_id"):
        if (value := getattr(chosen, name)) is not None:
            yield outcomes.c[name] == value


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _PART):
        yield rows[start : start + _PART]
