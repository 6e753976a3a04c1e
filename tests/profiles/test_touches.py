"""What a visitor did: carts empty, clocks run ahead, order does not matter."""

from __future__ import annotations

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.model.record import Stored
from rekindle.profiles import History, ProfileView, erase
from rekindle.profiles._tables import touches
from tests.conftest import FakeClock
from tests.memory_log import MemoryLog
from tests.visits import did

MINUTE = 60_000


def told(database: Database, clock: FakeClock, *events: Stored, limit: int = 50) -> list[tuple[str, str, int]]:
    log = MemoryLog()
    log.put(*events)

    async def run() -> None:
        await ProfileView(log, database, clock).step()

    asyncio.run(run())
    return [
        (touch.kind, touch.item_id, touch.at_ms - clock())
        for touch in History(database).touches("shop", "s1_anna", limit)
    ]


def test_touches_come_newest_first_with_their_last_time(database: Database, clock: FakeClock) -> None:
    now = clock()
    assert told(
        database,
        clock,
        did("view_item", "shoe", at=now - 9),
        did("view_item", "hat", at=now - 5),
        did("view_item", "shoe", at=now - 1),
        did("view_item", "sock", at=now - 3, who="s1_other"),
        did("page_view", "scarf", at=now),
    ) == [("view", "shoe", -1), ("view", "hat", -5)]


def test_a_removed_item_leaves_the_cart_and_a_purchase_empties_it(database: Database, clock: FakeClock) -> None:
    now = clock()
    found = told(
        database,
        clock,
        did("add_to_cart", "hat", at=now - 9),
        did("add_to_cart", "shoe", at=now - 8),
        did("add_to_cart", "scarf", at=now - 7),
        did("remove_from_cart", "hat", at=now - 6),
        did("purchase", "shoe", at=now - 5),
        did("add_to_cart", "sock", at=now - 4),
    )
    assert found == [("cart", "sock", -4), ("purchase", "shoe", -5)]


def test_a_purchase_that_names_no_items_empties_the_cart_too(database: Database, clock: FakeClock) -> None:
    now = clock()
    assert told(database, clock, did("add_to_cart", "hat", at=now - 9), did("purchase", at=now - 5)) == []


def test_bots_leave_no_trace(database: Database, clock: FakeClock) -> None:
    assert told(database, clock, did("view_item", "hat", at=clock(), bot=True)) == []


def test_a_clock_that_runs_ahead_is_cut_to_the_arrival(database: Database, clock: FakeClock) -> None:
    now = clock()
    assert told(database, clock, did("view_item", "hat", at=now + 5 * MINUTE, received=now)) == [("view", "hat", 0)]


async def test_acts_are_dropped_by_time_and_erased_by_person(database: Database, clock: FakeClock) -> None:
    log = MemoryLog()
    log.put(did("view_item", "old", at=clock()), did("view_item", "x", at=clock(), who="s1_other"))
    view = ProfileView(log, database, clock, keep_ms=90 * 86_400_000)
    await view.step()
    assert await database.run(lambda connection: erase(connection, "shop", "s1_other")) == 1
    assert History(database).touches("shop", "s1_other", 9) == []
    assert len(History(database).touches("shop", "s1_anna", 9)) == 1
    clock.advance(91 * 86_400_000)
    await view.step()
    assert History(database).touches("shop", "s1_anna", 9) == []


acts = st.builds(
    lambda event, item, minute: did(event, item, at=1_788_000_000_000 + minute * MINUTE),
    st.sampled_from(["view_item", "add_to_cart", "remove_from_cart", "purchase", "begin_checkout"]),
    st.sampled_from(["a", "b", "c"]),
    st.integers(-500, 0),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(acts, max_size=12), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(
    database: Database, clock: FakeClock, events: list[Stored], chance: random.Random
) -> None:
    answers = []
    for _ in range(2):
        with database.begin() as connection:
            for table in touches.metadata.sorted_tables:
                connection.execute(table.delete())
        answers.append(sorted(told(database, clock, *events)))
        chance.shuffle(events)
    assert answers[0] == answers[1]
    bought = max((event.event_time_ms for event in events if event.event == "purchase"), default=-1)
    for kind, item, ago in answers[0]:
        if kind == "cart":
            taken = [e.event_time_ms for e in events if e.event == "remove_from_cart"
                     and e.ecommerce.items[0].item_id == item]  # fmt: skip
            assert clock() + ago > max([bought, *taken])
