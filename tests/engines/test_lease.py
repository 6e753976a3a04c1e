"""One holder at a time, and a sleeper cannot write after its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.engines.database.lease import Lease, LeaseLost, guard
from tests.conftest import FakeClock


def test_the_second_waits_until_the_first_ends(database: Database, clock: FakeClock) -> None:
    first, second = (Lease(database, clock, "scheduler", holder, 10_000) for holder in ("a", "b"))
    assert first.acquire() == 1
    assert second.acquire() is None
    clock.advance(9_999)
    assert first.acquire() == 1
    clock.advance(10_000)
    assert second.acquire() == 2
    assert first.acquire() is None


def test_release_hands_over_at_once(database: Database, clock: FakeClock) -> None:
    first, second = (Lease(database, clock, "scheduler", holder) for holder in ("a", "b"))
    first.acquire()
    second.release()
    assert second.acquire() is None
    first.release()
    assert second.acquire() == 2


def test_a_sleeper_is_fenced_off(database: Database, clock: FakeClock) -> None:
    sleeper, other = (Lease(database, clock, "scheduler", holder, 1000) for holder in ("a", "b"))
    token = sleeper.acquire()
    assert token is not None
    clock.advance(1000)
    other.acquire()
    with database.begin() as connection, pytest.raises(LeaseLost):
        guard(connection, "scheduler", token)


def test_a_holder_renews_before_the_end_and_knows_when_it_lost(database: Database, clock: FakeClock) -> None:
    first, second = (Lease(database, clock, "scheduler", holder, 9_000) for holder in ("a", "b"))
    assert first.held()
    clock.advance(8_000)
    assert first.held()
    clock.advance(8_000)
    assert not second.held()
    clock.advance(1_000)
    assert second.held()
    assert not first.held()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1500)), max_size=40))
def test_tokens_only_grow_and_never_belong_to_two(turns: list[tuple[int, int]]) -> None:
    from rekindle.engines.database import open_database

    database = open_database("sqlite://")
    database.create_all()
    clock = FakeClock()
    leases = [Lease(database, clock, "x", holder, 1000) for holder in "abc"]
    owners: dict[int, int] = {}
    newest = 0
    for who, ms in turns:
        clock.advance(ms)
        token = leases[who].acquire()
        if token is not None:
            assert owners.setdefault(token, who) == who
            assert token >= newest
            newest = token
    database.close()
