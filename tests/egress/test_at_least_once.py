"""A crash at every point of the way out: nothing is lost, views count once, repeats carry the same id.

A point is before or after a transaction, before or after a cursor moves, before or after a request: what was done is
done, and whoever did it no longer knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from rekindle.audiences import AudienceView, members
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.status import all_outcomes
from rekindle.engines.database import Database, open_database
from rekindle.engines.log import SqliteLog
from rekindle.profiles import ProfileView, totals
from tests.audiences.shop import may_enter, shop
from tests.conftest import FakeClock
from tests.egress.world import World
from tests.scratch import fresh_state


class Crash(BaseException):
    """The process is gone: nobody catches this."""


class Points:
    """Counts the places where a process can end, and ends it at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.passed = 0
        self.fatal = fatal

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            raise Crash

    def around(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def guarded(*given: Any, **named: Any) -> Any:
            self.point()
            result = await work(*given, **named)
            self.point()
            return result

        return guarded


class Frail(Database):
    """A database whose owner may die around each transaction, and within."""

    points: Points

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self.points.point()
        with super().begin() as connection:
            yield connection
            self.points.point()
        self.points.point()


class FrailTransport:
    def __init__(self, world: World, points: Points) -> None:
        self._world, self._points = world, points

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        self._points.point()
        answer = await self._world.platform.send(request, limits)
        self._points.point()
        return answer


class Street:
    """The log's readers of one worker: two views and a lane."""

    def __init__(self, folder: Path, fatal: int | None) -> None:
        self.points = Points(None)
        database = open_database(fresh_state(folder / "state.db"))
        database.__class__ = Frail
        assert isinstance(database, Frail)
        database.points = self.points
        self.database = database
        self.clock = FakeClock()
        self.world = World(folder, database, self.clock)
        self.world.transport = FrailTransport(self.world, self.points)
        assert isinstance(self.world.log, SqliteLog)
        self.log = self.world.log
        self._commit = self.log.commit
        self.fatal = fatal

    async def live(self) -> bool:
        """Run until there is nothing to do, or until the fatal point; say whether it came to that."""
        world = self.world
        await world.restart()
        profiles = ProfileView(world.log, self.database, self.clock)
        audiences = AudienceView(world.log, self.database, self.clock, lambda: {"shop": shop()}, may_enter=may_enter)
        self.points.passed, self.points.fatal = 0, self.fatal
        self.log.commit = self.points.around(self._commit)  # type: ignore[method-assign,assignment]
        self.fatal = None
        try:
            while await profiles.step(3) + await audiences.step(3) + await world.lane.step():
                pass
        except Crash:
            return True
        finally:
            self.points.fatal = None
        return False

    async def close(self) -> None:
        await self.world.close()
        self.database.close()


async def _happen(street: Street) -> list[str]:
    names = await street.world.happen(3)
    # A client whose answer got lost writes again, and so does one that is not sure.
    for name in names[:1]:
        await street.world.happen(1, event_id=name)
    return names


async def _points(folder: Path) -> int:
    street = Street(folder, None)
    await _happen(street)
    assert not await street.live()
    passed = street.points.passed
    await street.close()
    return passed


async def test_a_crash_at_every_point_loses_nothing_and_counts_once(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    count = await _points(whole)
    assert count > 30
    repeated = 0
    for fatal in range(1, count + 1):
        folder = tmp_path / str(fatal)
        folder.mkdir()
        street = Street(folder, fatal)
        names = await _happen(street)
        assert await street.live(), f"point {fatal} was not reached"
        assert not await street.live()
        sent = Counter(street.world.platform.sent)
        assert set(sent) == set(names), f"point {fatal}"
        repeated += sent.total() - len(sent)
        found = all_outcomes(street.database, "shop", "meta")
        assert sorted(found) == [(name, "delivered", "ok") for name in sorted(names)], f"point {fatal}"
        assert totals(street.database, "shop", 0).accepted == {"view_item": 3}, f"point {fatal}"
        assert totals(street.database, "shop", 0).filtered == {"duplicate": 1}, f"point {fatal}"
        assert [member.subject for member in members(street.database, "shop", "viewed")] == ["s1"], f"point {fatal}"
        await street.close()
    # A platform that took the events before the crash is told again: that is what at-least-once means.
    assert repeated > 0


async def test_the_points_find_a_view_that_counts_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the view's memory of positions and ids gone, some crash must show."""
    from rekindle.engines.log.view import View

    monkeypatch.setattr(View, "_positions", lambda *given: dict.fromkeys(given[2], -1))
    monkeypatch.setattr(View, "_note", lambda _self, _connection, records: [(record, False) for record in records])
    street = Street(tmp_path, None)
    await _happen(street)
    assert not await street.live()
    assert totals(street.database, "shop", 0).accepted != {"view_item": 3}
    await street.close()
