"""Workers that share a destination each try again what lies in their own partitions of the log."""

from __future__ import annotations

from rekindle.egress._store import Result, Store, Waiting
from rekindle.engines.database import Database
from rekindle.model.outcome import Outcome
from rekindle.model.record import encode
from tests.visits import did


async def test_a_retry_belongs_to_the_member_that_has_its_partition(database: Database) -> None:
    store = Store(database, "shop", "meta")
    waiting = []
    for partition in range(3):
        stored = did("view_item", event_id=f"e{partition}")
        waiting.append(Waiting(stored, encode(stored), partition, 7))
    await store.record([Result(each, Outcome.WAITING, "no-answer", next_ms=5) for each in waiting], 1)
    assert [each.event_id for each in await store.due(10, 9, frozenset({1}))] == ["e1"]
    assert [each.event_id for each in await store.probe(frozenset({2}))] == ["e2"]
    assert await store.due(10, 9, frozenset()) == []
    assert len(await store.due(10, 9)) == 3
