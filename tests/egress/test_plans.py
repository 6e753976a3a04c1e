"""What is asked for every batch must not go through all that ever happened: the cost of an event stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from rekindle.egress._due import due
from rekindle.egress._people import AudienceChange, People
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
        assert "event_id=?" in found or "next_ms<?" in found or "attempts>?" in found, plan
    assert not any("TEMP B-TREE" in plan for plan in plans), "what waits is walked in its order, and not sorted"


async def test_who_is_due_at_a_list_is_walked_and_not_sorted(world: World):
    if world.database.dialect != "sqlite":
        pytest.skip("the plans are SQLite's")
    people = People(world.database, "shop", "list")
    await people.take([AudienceChange(number, f"s{number}", True) for number in range(20)], 1_000)
    with statements(world.database) as asked:
        assert len(await people.due(1_000, 10)) == 10
        assert len(await people.probe()) == 1
    with world.database.read() as connection:
        plans = [
            row[3]
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert plans
    assert all(plan.startswith("SEARCH") and "by_attempts" in plan for plan in plans), plans


_ROWS = st.lists(st.tuples(st.integers(0, 4), st.none() | st.integers(0, 6)), max_size=25)


@given(rows=_ROWS, now=st.integers(0, 6), limit=st.integers(1, 30))
def test_the_walk_finds_what_sorting_all_would(rows: list[tuple[int, int | None]], now: int, limit: int):
    metadata = sa.MetaData()
    table = sa.Table(
        "rows", metadata, sa.Column("name", sa.Integer, primary_key=True), sa.Column("attempts", sa.Integer),
        sa.Column("due", sa.Integer),
    )  # fmt: skip
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        for number, (attempts, when) in enumerate(rows):
            connection.execute(sa.insert(table).values(name=number, attempts=attempts, due=when))
        found = due(connection, sa.select(table), table.c.attempts, table.c.due, now, limit, table.c.name)
    expected = sorted(
        (attempts, when, number) for number, (attempts, when) in enumerate(rows) if when is not None and when <= now
    )
    assert [(row.attempts, row.due, row.name) for row in found] == expected[:limit]
    engine.dispose()
