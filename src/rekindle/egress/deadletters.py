"""Dead letters: find what came to a bad end, look at it without personal data, and send it the whole way again.

A replay is no short cut: the event goes back to its lane, which decides consent anew, opens the seal (or finds the
person erased), keeps the id contract, maps with today's settings and looks at the platform's window.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rekindle.egress._tables import outcomes
from rekindle.egress.replay import Replay
from rekindle.egress.status import EventOutcome
from rekindle.engines.database import Database
from rekindle.engines.log import Entry, Log
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome
from rekindle.model.record import Stored, decode
from rekindle.privacy.ledger import Ledger

_PART = 500
_EVER = 2**62


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


async def replay(
    database: Database, log: Log, ledger: Ledger, clock: Clock, chosen: Filter, actor: str, limit: int
) -> Replayed:
    """Give up to ``limit`` letters back to their lanes (`rekindle.egress.replay`); ``actor`` is who asked."""
    with database.read() as connection:
        rows = connection.execute(_places(chosen).order_by(outcomes.c.updated_ms.desc()).limit(limit)).all()
    again = gone = 0
    for destination in sorted({row.destination for row in rows}):
        mine = [row for row in rows if row.destination == destination]
        opened = Replay(database, ledger, clock, chosen.workspace, destination, actor, (Outcome(chosen.outcome),))
        for start in range(0, len(mine), _PART):
            found = [await _record(log, row.partition, row.offset, row.event_id) for row in mine[start : start + _PART]]
            entries = [each[1] for each in found if each is not None]
            gone += len(found) - len(entries)
            again += await asyncio.to_thread(opened.open, entries, 0, _EVER)
    return Replayed(again, gone)


async def _record(log: Log, partition: int, offset: int, event_id: str) -> tuple[Stored, Entry] | None:
    for entry in await log.tail((partition, offset - 1), 1):
        try:
            record = decode(entry.value)
        except msgspec.MsgspecError:
            return None
        if (entry.partition, entry.offset) == (partition, offset) and isinstance(record, Stored):
            return (record, entry) if record.event_id == event_id else None
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
