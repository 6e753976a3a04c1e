"""What platforms say of the quality of what they get: scores, asked for once a day and kept with their history.

Connectors take part by `rekindle.egress.rated`. Nobody's data is in the question or the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import quality as table
from rekindle.egress.asking import Line
from rekindle.egress.http import TransportFailed
from rekindle.egress.rated import Rated, Score
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock

UNREAD: Final = "unread"
_AGAIN_MS: Final = 6 * 3_600_000
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


class Account(NamedTuple):
    """One account whose day has no score yet."""

    workspace: str
    destination: str


class Quality:
    """The errand of the scores: each account once a day; one that does not answer is asked again after six hours."""

    name = "quality"
    pause_ms = 60_000

    def __init__(self, database: Database, clock: Clock, destinations: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """``destinations`` gives those that could be asked: workspace and name."""
        self._database = database
        self._clock = clock
        self._destinations = destinations

    async def due(self, now_ms: int, limit: int) -> Sequence[Account]:
        """See `Errand.due`. There is one question a day for each account: all of them come at once."""
        found = [Account(*one) for one in self._destinations()]
        return [one for one in found if await self._wanted(one, now_ms)]

    async def run(self, due: Account, line: Line) -> int:
        """See `Errand.run`."""
        if not isinstance(line.account, Rated):
            return 0
        scores = await self._ask(line, line.account)
        await keep(self._database, due.workspace, due.destination, scores, self._clock())
        return 1

    async def postpone(self, due: Account, until_ms: int, words: str) -> int:
        """See `Errand.postpone`. It is looked again soon; the lane says what is wrong with the account."""
        return 0

    async def _wanted(self, account: Account, now: int) -> bool:
        query = sa.select(table.c.measure, table.c.at_ms).where(
            table.c.workspace == account.workspace, table.c.destination == account.destination,
            table.c.day == _day(now),
        )  # fmt: skip
        rows = await self._database.query(lambda connection: connection.execute(query).all())
        return all(row.measure == UNREAD and now - row.at_ms >= _AGAIN_MS for row in rows)

    async def _ask(self, line: Line, account: Rated) -> list[Score]:
        try:
            answer = await line.ask(account.quality_request())
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
