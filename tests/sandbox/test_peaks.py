"""Shoppers in a day, in a flash sale, with blockers; and the command that sends them."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.cli.simulate import is_loopback
from rekindle.sandbox.shoppers import Call, Habits, Reply, Traffic
from rekindle.sandbox.shoppers.peaks import Peaks
from tests.conftest import FakeClock
from tests.sandbox.test_shoppers import GOODS


def test_an_evening_has_more_and_a_flash_sale_many_more() -> None:
    day = Peaks(2.0, day_s=100)
    assert max(day.at(second) for second in range(100)) == pytest.approx(day.highest) == 4.5
    assert min(day.at(second) for second in range(100)) == pytest.approx(0.2)
    flash = Peaks(2.0, flash_at_s=10, flash_for_s=5, flash_times=10)
    assert [flash.at(second) for second in (9.9, 10, 14.9, 15)] == [2, 20, 20, 2]


async def shop(clock: FakeClock, habits: Habits, peaks: Peaks, seconds: float, most: int | None = None) -> Traffic:
    async def transport(call: Call) -> Reply:
        return Reply(204)

    async def sleep(pause_s: float) -> None:
        clock.advance(int(pause_s * 1000))
        await asyncio.sleep(0)

    traffic = Traffic(
        transport,
        GOODS,
        origin="https://shop.example",
        currency="PLN",
        clock=clock,
        seed="1",
        habits=habits,
        sleep=sleep,
    )
    await traffic.run(seconds, peaks, most)
    return traffic


async def test_blockers_send_nothing_and_are_counted(clock: FakeClock) -> None:
    traffic = await shop(clock, Habits(blockers=1, bots=0), Peaks(1.0), 1e9, 10)
    assert traffic.ledger.visits == 10
    assert traffic.ledger.blocked > 10
    assert traffic.ledger.told()["statuses"] == {}


async def test_visits_are_bounded_by_number_and_by_time(clock: FakeClock) -> None:
    assert (await shop(clock, Habits(), Peaks(1.0), 1e9, 7)).ledger.visits == 7
    assert (await shop(clock, Habits(longest_visit=0, pause_s=1e-3), Peaks(1.0), 20)).ledger.visits < 60


@pytest.mark.parametrize(
    ("target", "own"),
    [
        ("http://127.0.0.1:8700", True), ("http://localhost:1", True), ("http://[::1]:1", True),
        ("https://shop.example", False), ("http://10.0.0.1", False), ("http://localhost.example", False),
        ("http://127.0.0.1@shop.example/", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_only_this_machine_without_a_promise(target: str, own: bool) -> None:
    assert is_loopback(target) is own
    if not own:
        result = CliRunner().invoke(main, ["simulate", "--target", target, "--origin", "https://shop.example"])
        assert result.exit_code == 2
        assert "--i-own-this-server" in result.output
