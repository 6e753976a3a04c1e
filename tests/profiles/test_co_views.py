"""Items that go together, and items that are looked at most lately."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.model.record import Stored
from rekindle.profiles import ProfileView, Related, _heat
from rekindle.profiles.co_views import TOP
from tests.conftest import FakeClock
from tests.memory_log import MemoryLog
from tests.visits import did

MINUTE, DAY = 60_000, 86_400_000


async def learnt(database: Database, clock: FakeClock, *events: Stored, batch: int = 1000) -> Related:
    log = MemoryLog()
    log.put(*events)
    view = ProfileView(log, database, clock)
    while await view.step(batch):
        pass
    return Related(database)


def visit(who: str, at: int, *items: str, pause: int = MINUTE) -> list[Stored]:
    return [did("view_item", item, who=who, at=at + place * pause) for place, item in enumerate(items)]


@pytest.mark.parametrize("batch", [1, 1000])
async def test_items_of_one_sitting_are_related_both_ways(database: Database, clock: FakeClock, batch: int) -> None:
    now = clock()
    related = await learnt(
        database,
        clock,
        *visit("s1_a", now, "tent", "mat"),
        *visit("s1_b", now, "tent", "mat", "stove"),
        *visit("s1_c", now, "stove", "tent"),
        *visit("s1_d", now, "hat"),
        batch=batch,
    )
    assert related.related("shop", ["tent"], 5) == ["mat", "stove"]
    assert related.related("shop", ["mat"], 5) == ["tent", "stove"]
    assert related.related("shop", ["mat", "tent"], 5) == ["stove"]
    assert related.related("shop", ["hat", "nothing"], 5) == []
    assert related.related("other", ["tent"], 5) == []
    assert related.related("shop", [], 5) == []
    assert related.related("shop", ["tent"], 1) == ["mat"]


async def test_a_pause_of_half_an_hour_ends_the_sitting(database: Database, clock: FakeClock) -> None:
    related = await learnt(
        database,
        clock,
        *visit("s1_a", clock(), "tent", "mat", pause=30 * MINUTE + 1),
        *visit("s1_b", clock(), "cup", "pan", pause=30 * MINUTE),
    )
    assert related.related("shop", ["tent"], 5) == []
    assert related.related("shop", ["cup"], 5) == ["pan"]


async def test_looking_again_in_the_same_sitting_counts_once(database: Database, clock: FakeClock) -> None:
    now = clock()
    related = await learnt(
        database,
        clock,
        *visit("s1_a", now, "tent", "tent", "tent", "tent"),
        *visit("s1_b", now, "mat"),
        *visit("s1_c", now + 1, "mat"),
    )
    assert related.popular("shop", 5) == ["mat", "tent"]


async def test_popular_is_lately(database: Database, clock: FakeClock) -> None:
    now = clock()
    old = [did("view_item", "tent", who=f"s1_{n}", at=now - 12 * DAY) for n in range(8)]
    new = [did("view_item", "mat", who=f"s1_{n}", at=now) for n in range(2)]
    related = await learnt(database, clock, *old, *new)
    assert related.popular("shop", 5) == ["mat", "tent"]
    assert related.popular("shop", 1) == ["mat"]


async def test_what_is_kept_of_one_item_is_bounded(database: Database, clock: FakeClock) -> None:
    now = clock()
    events = [event for n in range(2 * TOP + 1) for event in visit(f"s1_{n}", now + n, "tent", f"i{n:03}")]
    related = await learnt(database, clock, *events)
    kept = related.related("shop", ["tent"], 1000)
    assert len(kept) == TOP
    assert "i100" in kept, "the newest are the warmest"


@given(st.lists(st.tuples(st.floats(0.01, 5), st.integers(0, 400)), min_size=1, max_size=20))
def test_heat_is_the_logarithm_of_the_decayed_sum(additions: list[tuple[float, int]]) -> None:
    half_life, start = DAY, 1_788_000_000_000
    heat: float | None = None
    for weight, hours in additions:
        heat = _heat.add(heat, weight, start + hours * 3_600_000, half_life)
    assert heat is not None
    now = start + 400 * 3_600_000
    expected = sum(weight * 2 ** -((400 - hours) / 24) for weight, hours in additions)
    assert math.isclose(_heat.count(heat, now, half_life), expected, rel_tol=1e-6)
