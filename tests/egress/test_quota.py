"""The account's quota is kept together by all workers that send to it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.egress._quota import Quota
from rekindle.engines.database import Database, open_database
from tests.conftest import FakeClock
from tests.scratch import fresh_state


def workers(database: Database, clock: FakeClock, count: int, per_second: float) -> list[Quota]:
    return [Quota(database, "shop", "meta", per_second, clock) for _ in range(count)]


async def test_two_workers_have_one_quota(database: Database, clock: FakeClock):
    one, two = workers(database, clock, 2, per_second=8)
    got = [await (one if turn % 2 else two).take(8) for turn in range(6)]
    assert got == [2, 2, 2, 2, 0, 0], "a quarter at a time, and one second's at once"
    clock.advance(250)
    assert await one.take(8) + await two.take(8) == 2


async def test_a_slow_quota_gives_one_when_its_time_has_come(database: Database, clock: FakeClock):
    (quota,) = workers(database, clock, 1, per_second=0.1)
    assert [await quota.take(3) for _ in range(3)] == [1, 0, 0]
    clock.advance(9_999)
    assert await quota.take(3) == 0
    clock.advance(1)
    assert await quota.take(3) == 1


async def test_other_accounts_have_their_own(database: Database, clock: FakeClock):
    assert await Quota(database, "shop", "meta", 1, clock).take(1) == 1
    assert await Quota(database, "shop", "tiktok", 1, clock).take(1) == 1
    assert await Quota(database, "other", "meta", 1, clock).take(1) == 1
    assert await Quota(database, "shop", "meta", 1, clock).take(1) == 0, "a restart does not fill it"


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([0.3, 1.0, 7.0, 50.0]),
    turns=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 20), st.integers(-300, 1_500)), max_size=30),
)
def test_never_more_than_the_quota_whatever_the_clocks(rate: float, turns: list[tuple[int, int, int]]):
    """Three workers, whose clocks are up to 300 ms apart: what they get is bounded by the time that passed."""

    async def run(folder: Path) -> None:
        database = open_database(fresh_state(folder / "state.db"))
        clocks = [FakeClock() for _ in range(3)]
        quotas = [Quota(database, "shop", "meta", rate, clock) for clock in clocks]
        times: list[int] = []
        total = 0
        for worker, wanted, passed in turns:
            for clock in clocks:
                clock.advance(max(0, passed))
            clocks[worker].advance(min(0, passed))
            times.append(clocks[worker]())
            total += await quotas[worker].take(wanted)
            clocks[worker].advance(-min(0, passed))
            assert total <= max(1.0, rate) + (max(times) - times[0]) * rate / 1000 + 1e-6
        database.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(Path(name)))
