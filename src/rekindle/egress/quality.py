"""What platforms say of the quality of what they get: scores, asked for once a day and kept with their history.

Connectors take part by `rekindle.egress.rated`. Nobody's data is in the question or the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import quality as table
from rekindle.egress.account import Accounts, AccountUnusable
from rekindle.egress.http import TransportFailed
from rekindle.egress.rated import Rated, Score
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock

UNREAD: Final = "unread"
_AGAIN_MS: Final = 6 * 3_600_000
_LOOK_MS: Final = 60_000
_KEPT_DAYS: Final = 400


class Reading(msgspec.Struct, frozen=True):
    """A score of one day (``YYYY-MM-DD``, UTC). ``measure`` is ``unread`` where there is only a reason why not."""

    destination: str
    day: str
    measure: str
    scope: str
    value: float
    unit: str
    words: str


class QualityReader:
    """Asks each account once a day; one that does not answer is asked again after six hours."""

    def __init__(self, database: Database, door: Door, accounts: Accounts, clock: Clock) -> None:
        self._database = database
        self._door = door
        self._accounts = accounts
        self._clock = clock
        self._looked_ms = -_LOOK_MS

    async def step(self, destinations: Iterable[tuple[str, str]]) -> int:
        """Ask those of ``destinations`` (workspace, name) whose time has come; return how many were asked."""
        now = self._clock()
        if 0 <= now - self._looked_ms < _LOOK_MS:
            return 0
        self._looked_ms = now
        asked = 0
        for workspace, name in list(destinations):
            if not await self._due(workspace, name, now):
                continue
            try:
                module, account = await asyncio.to_thread(self._accounts.open, workspace, name)
            except AccountUnusable:
                continue  # the lane says why
            if isinstance(account, Rated):
                asked += 1
                await keep(self._database, workspace, name, await self._ask(name, module, account), now)
        return asked

    async def _due(self, workspace: str, name: str, now: int) -> bool:
        query = sa.select(table.c.measure, table.c.at_ms).where(
            table.c.workspace == workspace, table.c.destination == name, table.c.day == _day(now)
        )
        rows = await self._database.query(lambda connection: connection.execute(query).all())
        return all(row.measure == UNREAD and now - row.at_ms >= _AGAIN_MS for row in rows)

    async def _ask(self, name: str, module: Any, account: Any) -> list[Score]:
        try:
            answer = await self._door.ask(name, account, module.manifest.limits, account.quality_request())
        except TransportFailed as error:
            return [Score(UNREAD, "", 0, "", f"no answer: {error}")]
        try:
            found = account.read_quality(answer)
        except Exception as error:  # noqa: BLE001 - one answer a connector did not expect must not stop the others
            found = f"the answer was not understood: {type(error).__name__}"
        return [Score(UNREAD, "", 0, "", found)] if isinstance(found, str) else list(found)


async def keep(database: Database, workspace: str, destination: str, scores: Sequence[Score], now_ms: int) -> None:
    """Write a day's scores down; of the same measure the newest of a day stays. What is older than 400 days goes."""
    day = _day(now_ms)
    key = {"workspace": workspace, "destination": destination}

    def write(connection: Connection) -> None:
        mine = (table.c.workspace == workspace, table.c.destination == destination)
        connection.execute(sa.delete(table).where(*mine, table.c.day == day, table.c.measure == UNREAD))
        old = (datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=_KEPT_DAYS)).date().isoformat()
        connection.execute(sa.delete(table).where(*mine, table.c.day < old))
        for score in scores:
            values = {"value": score.value, "unit": score.unit, "words": score.words[:200], "at_ms": now_ms}
            name = {**key, "day": day, "measure": score.measure[:64], "scope": score.scope[:64]}
            insert = upsert(table, database.dialect).values(**name, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=list(name), set_=values))

    await database.run(write)


def readings(database: Database, workspace: str, destination: str | None = None, days: int = 30) -> list[Reading]:
    """Return the scores of the newest ``days`` days that have any, by destination, measure and scope, newest first."""
    names = Reading.__struct_fields__
    mine = [table.c.workspace == workspace]
    if destination is not None:
        mine.append(table.c.destination == destination)
    shown = sa.select(table.c.day).where(*mine).distinct().order_by(table.c.day.desc()).limit(days)
    query = sa.select(*(table.c[name] for name in names)).where(*mine, table.c.day.in_(shown.scalar_subquery()))
    order = (table.c.destination, table.c.measure, table.c.scope, table.c.day.desc())
    with database.read() as connection:
        return [Reading(*row) for row in connection.execute(query.order_by(*order))]


def newest(found: Sequence[Reading]) -> list[tuple[Reading, list[Reading]]]:
    """Return each measure's newest reading with the earlier ones, newest first."""
    by_name: dict[tuple[str, str, str], list[Reading]] = {}
    for each in found:
        by_name.setdefault((each.destination, each.measure, each.scope), []).append(each)
    return [(group[0], group[1:]) for group in by_name.values()]


def _day(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
