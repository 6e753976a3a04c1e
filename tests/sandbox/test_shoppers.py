"""Simulated shoppers through the real gateway and the real views: what they sent is what is counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from rekindle.audiences import AudienceView, sizes
from rekindle.engines.database import Database
from rekindle.model.event import Consent
from rekindle.privacy.consent.tcf import TcString, parse_tcf
from rekindle.privacy.decide import door, may_personalise
from rekindle.profiles import ProfileView, Related, totals
from rekindle.sandbox.shoppers import DEMO, Call, Goods, Habits, Ledger, Reply, Traffic
from rekindle.sandbox.shoppers.people import Shelf
from rekindle.sandbox.shoppers.tcstring import tc_string
from rekindle.sandbox.shoppers.wire import keep_cookies
from rekindle.workspace import Audience, Policy, Workspace
from tests.collect.harness import KEY, ORIGIN, Street, workspace
from tests.conftest import FakeClock

GOODS = [Goods(f"P-{n}", f"Thing {n}", Decimal(n + 1)) for n in range(20)]
# Enough of everything, so that a hundred visits show each kind.
LIVELY = Habits(
    cart_per_view=0.4, buy_per_cart=0.5, pause_s=5, longest_visit=8, bots=0.1, repeated=0.1, clock_off=0.2,
    clock_broken=0.1, stale_ids=0.1, malformed=0.1,
)  # fmt: skip


def shop() -> Workspace:
    made = workspace()
    made.audiences = {
        "carts": Audience(rule="cart_abandoned", within="7d", after="30m"),
        "buyers": Audience(rule="bought", within="30d"),
    }
    return made


@pytest.fixture
async def street(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[Street]:
    made = Street(tmp_path, database, clock, shops={"shop": shop()})
    yield made
    await made.close()


def traffic(street: Street, clock: FakeClock, *, lost: int = 0, **more: object) -> Traffic:
    """Shoppers whose time is the fake clock's; every ``lost``-th answer never comes back."""
    calls = Counter[str]()

    async def transport(call: Call) -> Reply:
        calls["all"] += 1
        answer = await street.ask(call.method, call.path, call.body, call.headers)
        if lost and calls["all"] % lost == 0:
            raise OSError("connection reset")
        cookie = answer.header("set-cookie")
        return Reply(answer.status or 0, (cookie,) if cookie else ())

    async def sleep(seconds: float) -> None:
        clock.advance(int(seconds * 1000))
        await asyncio.sleep(0)

    return Traffic(
        transport, GOODS, origin=ORIGIN, currency="PLN", clock=clock, seed="7", habits=LIVELY, sleep=sleep,
        **{"api_key": KEY} | more,  # type: ignore[arg-type]
    )  # fmt: skip


async def follow(street: Street, database: Database, clock: FakeClock) -> None:
    for view in (
        ProfileView(street.log, database, clock),
        AudienceView(street.log, database, clock, lambda: street.shops),
    ):
        while await view.step():
            pass
        await view.close()


async def test_the_sums_balance(street: Street, database: Database, clock: FakeClock) -> None:
    shoppers = traffic(street, clock)
    for number in range(60):
        await shoppers.visit(number)
    clock.advance(3_600_000)
    await follow(street, database, clock)
    found = totals(database, "shop", 0)
    assert shoppers.ledger.differences(found.outcomes()) == []
    assert shoppers.ledger.sent == found.received > 150
    assert set(found.filtered) == {"bot", "consent-absent", "consent-denied", "duplicate"}
    assert set(found.invalid) == {"in-future", "too-old", "malformed"}
    assert {"view_item", "add_to_cart", "purchase"} <= set(found.accepted)
    people = sizes(database, "shop")
    assert people["buyers"] > 0
    assert people["carts"] > 0
    assert Related(database).popular("shop", 3)
    stored = await street.events()
    assert any(event.source == "web" and event.user_subjects for event in stored), "a server told of a known customer"


async def test_a_balance_that_is_off_is_told(street: Street, database: Database, clock: FakeClock) -> None:
    shoppers = traffic(street, clock)
    await shoppers.visit(0)
    await shoppers.visit(1)
    await follow(street, database, clock)
    counted = totals(database, "shop", 0).outcomes()
    counted["accepted", "ok"] -= 1
    counted["filtered", "surprise"] = 2
    told = shoppers.ledger.differences(counted)
    assert len(told) == 2
    assert "surprise" in told[1]


async def test_lost_answers_are_sent_again_and_still_balance(
    street: Street, database: Database, clock: FakeClock
) -> None:
    shoppers = traffic(street, clock, lost=5)
    for number in range(20):
        await shoppers.visit(number)
    await follow(street, database, clock)
    assert shoppers.ledger.uncertain > 0
    assert shoppers.ledger.differences(totals(database, "shop", 0).outcomes()) == []


async def test_the_same_seed_makes_the_same_visits(clock: FakeClock) -> None:
    began, told = clock(), []
    for seed in ("a", "a", "b"):
        clock.now_ms = began
        calls: list[Call] = []

        async def transport(call: Call, calls: list[Call] = calls) -> Reply:
            calls.append(call)
            return Reply(204)

        async def sleep(seconds: float) -> None:
            clock.advance(int(seconds * 1000))

        shoppers = Traffic(
            transport, GOODS, origin=ORIGIN, currency="PLN", clock=clock, seed=seed, sleep=sleep, placements=["home"]
        )
        for number in range(5):
            await shoppers.visit(number)
        told.append([(call.method, call.path, call.body) for call in calls])
        assert shoppers.ledger.ads[204] > 0
    assert told[0] == told[1]
    assert told[0] != told[2]


async def test_shoppers_arrive_in_an_open_loop_until_the_time_is_over(street: Street, clock: FakeClock) -> None:
    shoppers = traffic(street, clock)
    began = clock()
    await shoppers.run(seconds=60, per_second=0.5)
    assert shoppers.ledger.visits > 1
    assert clock() >= began + 60_000
    assert set(shoppers.ledger.statuses) <= {200, 204, 400}


async def test_a_visitor_keeps_one_cookie_and_loses_it_on_withdrawal() -> None:
    jar: dict[str, str] = {}
    keep_cookies(jar, Reply(204, ("rk_id=1.abc; Max-Age=100; Path=/; HttpOnly",)))
    assert jar == {"rk_id": "1.abc"}
    keep_cookies(jar, Reply(204, ("rk_id=; Max-Age=0; Path=/",)))
    assert jar == {}


def test_items_follow_zipfs_law() -> None:
    shelf, chance = Shelf(GOODS, 1.0), Random(1)
    counts = Counter(shelf.draw(chance).item_id for _ in range(20_000))
    assert 1.8 < counts["P-0"] / counts["P-1"] < 2.2
    assert 4 < counts["P-0"] / counts["P-4"] < 6
    with pytest.raises(ValueError, match="at least one item"):
        Shelf([], 1.0)


def test_the_tc_string_is_one_that_our_own_strict_reader_accepts(clock: FakeClock) -> None:
    text = tc_string(clock())
    assert isinstance(parse_tcf(text), TcString)
    assert door(Consent(tcf=text), Policy(), clock()).keep
    assert may_personalise(Consent(tcf=text), Policy(), clock())[0]
    assert not door(Consent(tcf=tc_string(clock(), purposes=range(2, 5))), Policy(), clock()).keep


def test_the_demo_shows_more_buyers_than_a_real_day() -> None:
    assert DEMO.buy_per_cart * DEMO.cart_per_view > 3 * Habits().buy_per_cart * Habits().cart_per_view
    assert sum(Habits().consent.values()) == pytest.approx(1)


def test_a_ledger_allows_for_what_was_never_answered() -> None:
    ledger = Ledger()
    ledger.acknowledged["accepted", "ok"] = 5
    ledger.unanswered["accepted", "ok"] = 2
    assert ledger.differences({("accepted", "ok"): 5}) == ledger.differences({("accepted", "ok"): 7}) == []
    assert ledger.differences({("accepted", "ok"): 4}) == ["accepted (ok): sent 5 to 7, counted 4"]
    assert ledger.differences({("accepted", "ok"): 8}) != []
