"""What one lane can cost the others, in work and not in time: no wait for its platform, and no large share of what is shared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rekindle.egress import status
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.engines.database import Database
from tests.conftest import FakeClock
from tests.egress.world import World, ok

LATE = "999"


class Late:
    """A transport on which one account's answers come when they may, and all others at once."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.open = 0

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        if f"/{LATE}/" in request.url:
            self.open += 1
            await self.go.wait()
        return ok(len(json.loads(request.body)["data"]))


@pytest.fixture
async def late() -> Late:
    return Late()


@pytest.fixture
async def shop(tmp_path: Path, database: Database, clock: FakeClock, late: Late) -> AsyncIterator[World]:
    made = World(tmp_path, database, clock, transport=late)
    yield made
    await made.close()


def delivered(shop: World) -> dict[str, int]:
    return {each.destination: each.counts.get("delivered", 0) for each in status.status(shop.database, "shop")}


async def test_a_platform_that_does_not_answer_is_waited_for_by_its_own_lane_alone(shop: World, late: Late):
    waiting = shop.another_lane("late", pixel_id=LATE)
    await shop.happen(1_500)
    stuck = asyncio.create_task(waiting.step())
    while not late.open:
        await asyncio.sleep(0)
    for _ in range(5):
        await shop.happen(20)
        await shop.run()
    assert delivered(shop)["meta"] == 1_600
    assert not stuck.done()
    late.go.set()
    await stuck
    while await waiting.step():
        pass
    assert delivered(shop) == {"meta": 1_600, "late": 1_600}
    await waiting.close()


@pytest.fixture
def rows(database: Database) -> list[int]:
    """How many rows each write transaction has put into tables, the newest last."""
    found: list[int] = []

    def seen(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement == "BEGIN IMMEDIATE" or "pg_advisory_xact_lock" in statement:
            found.append(0)
        elif statement.startswith("INSERT") and found:
            found[-1] = max(found[-1], len(parameters) if many else 1)

    sa.event.listen(database.engine, "before_cursor_execute", seen)
    return found


async def test_a_batch_of_a_thousand_is_written_down_in_parts(shop: World, rows: list[int]):
    await shop.happen(2_000)
    await shop.run()
    assert delivered(shop) == {"meta": 2_000}
    assert 250 < max(rows) <= 500
