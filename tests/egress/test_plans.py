"""What is asked for every batch must not go through all that ever happened: the cost of an event stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from rekindle.egress._tables import outcomes, retries
from rekindle.engines.database import Database
from tests.egress.world import World, error


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is executed."""
    found: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, _context: object, many: bool) -> None:
        if not many and statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            found.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(database.engine, "before_cursor_execute", note)


async def test_a_batch_looks_up_its_own_events_and_no_others(world: World):
    if world.database.dialect != "sqlite":
        pytest.skip("the plans are SQLite's")
    await world.happen(50)
    await world.run()
    world.platform.answer = lambda events: error(2, status=503)
    with statements(world.database) as asked:
        await world.happen(50)
        await world.run()
    plans: list[str] = []
    with world.database.read() as connection:
        for statement, parameters in asked:
            plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    about = [plan for plan in plans if outcomes.name in plan or retries.name in plan]
    assert about
    for plan in about:
        found = plan.partition("(")[2]
        assert plan.startswith("SEARCH"), plan
        assert "event_id=?" in found or "next_ms<?" in found, plan
