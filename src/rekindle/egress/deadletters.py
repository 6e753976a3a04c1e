"""Dead letters: find what came to a bad end, look at it without personal data, and send it the whole way again.

A replay is no short cut: the event goes back to its lane, which decides consent anew, opens the seal (or finds the
person erased), keeps the id contract, maps with today's settings and looks at the platform's window. A preview shows
the same without sending: what the platform saw then, and what it would see now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rekindle.egress._records import entries
from rekindle.egress._tables import outcomes
from rekindle.egress.rehearsal import Rehearsal, Rehearsed
from rekindle.egress.replay import Replay
from rekindle.egress.status import EventOutcome
from rekindle.engines.database import Database
from rekindle.engines.log import Log
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome
from rekindle.model.record import Stored
from rekindle.privacy.ledger import Ledger

_PART = 500
_EVER = 2**62


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters. ``outcome``: ``dead`` (a platform refused it) or ``invalid`` (it could not be mapped).

    ``since_ms`` and ``until_ms``: when it came to its end, from the one until before the other.
    """

    workspace: str
    destination: str | None = None
    reason: str | None = None
    event_id: str | None = None
    outcome: Literal["dead", "invalid"] = "dead"
    since_ms: int | None = None
    until_ms: int | None = None


class Replayed(msgspec.Struct, frozen=True):
    """``again`` events are on their way; ``gone`` ones are no longer in the log and stay as they were."""

    again: int
    gone: int


class Letter(msgspec.Struct, frozen=True):
    """One dead letter. ``before`` is what the platform saw, ``after`` what it would see now; both are masked.

    ``before`` is mapped again with the version of the workspace that was the newest then. ``record`` is the event as
    it is stored, its seal not opened. All three are None when the event is no longer in the log; ``before`` and
    ``after`` also when the destination was not, or is not, configured.
    """

    outcome: EventOutcome
    before: Rehearsed | None = None
    after: Rehearsed | None = None
    record: dict[str, Any] | None = None


Accounts = Callable[[str, str, int | None], Rehearsal | None]
"""Returns (workspace, destination, time) as an account to rehearse with: as it was then, or, for None, as it is."""


def find(database: Database, chosen: Filter, limit: int) -> list[EventOutcome]:
    """Return the letters, newest first."""
    query = sa.select(*(outcomes.c[name] for name in EventOutcome.__struct_fields__)).where(*_where(chosen))
    query = query.order_by(outcomes.c.updated_ms.desc(), outcomes.c.destination, outcomes.c.event_id).limit(limit)
    with database.read() as connection:
        return [EventOutcome(*row) for row in connection.execute(query)]


def reasons(database: Database, chosen: Filter) -> dict[tuple[str, str], int]:
    """Return how many letters there are by (destination, reason), for people who choose among them."""
    columns = (outcomes.c.destination, outcomes.c.reason)
    query = sa.select(*columns, sa.func.count().label("n")).where(*_where(chosen)).group_by(*columns).order_by(*columns)
    with database.read() as connection:
        return {(row.destination, row.reason): row.n for row in connection.execute(query)}


class LetterDesk:
    """Looks at dead letters and sends them again."""

    def __init__(self, database: Database, log: Log, ledger: Ledger, clock: Clock, accounts: Accounts) -> None:
        self._database, self._log, self._ledger, self._clock = database, log, ledger, clock
        self._accounts = accounts

    async def show(self, chosen: Filter, limit: int) -> list[Letter]:
        """Return up to ``limit`` letters, newest first, each with its payload before and after."""
        accounts: dict[tuple[str, int | None], Rehearsal | None] = {}
        letters = []
        for each in find(self._database, chosen, limit):
            with self._database.read() as connection:
                one = msgspec.structs.replace(chosen, destination=each.destination, event_id=each.event_id)
                place = connection.execute(_places(one)).first()
            places = [(place.partition, place.offset, each.event_id)] if place else []
            found = (await entries(self._log, places)).get(each.event_id)
            if found is None:
                letters.append(Letter(each))
                continue
            shown: list[Rehearsed | None] = []
            for at_ms in (each.updated_ms, None):
                key = (each.destination, at_ms)
                if key not in accounts:
                    accounts[key] = await asyncio.to_thread(self._accounts, chosen.workspace, each.destination, at_ms)
                account = accounts[key]
                now = self._clock() if at_ms is None else at_ms
                shown.append(None if account is None else await asyncio.to_thread(account.show, found[0], now))
            letters.append(Letter(each, shown[0], shown[1], _open_part(found[0])))
        return letters

    async def replay(self, chosen: Filter, actor: str, limit: int) -> Replayed:
        """Give up to ``limit`` letters back to their lanes (`rekindle.egress.replay`); ``actor`` is who asked."""
        with self._database.read() as connection:
            rows = connection.execute(_places(chosen).order_by(outcomes.c.updated_ms.desc()).limit(limit)).all()
        again = gone = 0
        for destination in sorted({row.destination for row in rows}):
            mine = [row for row in rows if row.destination == destination]
            opened = Replay(
                self._database, self._ledger, self._clock, chosen.workspace, destination, actor,
                (Outcome(chosen.outcome),),
            )  # fmt: skip
            for start in range(0, len(mine), _PART):
                part = mine[start : start + _PART]
                found = await entries(self._log, [(row.partition, row.offset, row.event_id) for row in part])
                gone += len(part) - len(found)
                again += await asyncio.to_thread(opened.open, [entry for _, entry in found.values()], 0, _EVER)
        return Replayed(again, gone)


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
    if chosen.since_ms is not None:
        yield outcomes.c.updated_ms >= chosen.since_ms
    if chosen.until_ms is not None:
        yield outcomes.c.updated_ms < chosen.until_ms
