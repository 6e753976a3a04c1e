"""What the tag saw of items: counted once, by hour, with the prices that pages showed, and nothing of who saw it."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.model.event import Ecommerce, Item, Page
from rekindle.model.ports import ItemSeen, PriceSeen
from rekindle.model.record import Stored
from rekindle.profiles import ItemSightings, ProfileView, sightings
from rekindle.profiles._tables import item_prices_seen, item_sightings
from tests.conftest import FakeClock
from tests.memory_log import MemoryLog
from tests.visits import did

HOUR = 3_600_000


def saw(item_id: str, price: str | None, at: int, *, event: str = "view_item", currency: str = "PLN", **more) -> Stored:
    stored = did(event, item_id, at=at, **more)
    stored.ecommerce = Ecommerce(
        currency=currency, items=[Item(item_id=item_id, price=Decimal(price) if price else None)]
    )
    stored.page = Page(url=f"https://shop.example/p/{item_id}/for-anna?mail=anna@example.com#x")
    return stored


async def follow(log: MemoryLog, database: Database, clock: FakeClock) -> ProfileView:
    view = ProfileView(log, database, clock)
    while await view.step():
        pass
    return view


async def test_items_and_prices_are_counted_by_hour(database: Database, clock: FakeClock) -> None:
    now = clock() // HOUR * HOUR
    log = MemoryLog()
    log.put(
        saw("A", "49.90", now, event_id="1"),
        saw("A", "49.90", now, event_id="1"),  # a client's repeat
        saw("A", "49.9", now + 5),
        saw("A", "55", now + 9),
        saw("A", "10", now + 10, event="add_to_cart"),  # a coupon, perhaps
        saw("A", None, now + 11, event="purchase"),
        saw("A", "1", now + 12, bot=True),
        saw("A", "49.90", now - 2 * HOUR),
        saw("a ", "7", now, currency=""),
        saw("A", "3", now, workspace="other"),
        did("page_view", at=now),
        did("view_item", None, at=now),
    )
    await follow(log, database, clock)
    seen = ItemSightings(database)
    assert list(seen.items("shop", now)) == [
        ItemSeen("A", 3, 1, 1, now + 11),
        ItemSeen("a ", 1, 0, 0, now),
    ]
    assert list(seen.prices("shop", now)) == [
        PriceSeen("A", now, "49.9", "PLN", 2, now, now + 5),
        PriceSeen("A", now, "55", "PLN", 1, now + 9, now + 9),
        PriceSeen("a ", now, "7", "", 1, now, now),
    ]
    assert [each.views for each in seen.items("shop", now - 2 * HOUR)] == [4, 1]


async def test_batches_add_up_and_an_entry_delivered_again_does_not(database: Database, clock: FakeClock) -> None:
    now = clock() // HOUR * HOUR
    log = MemoryLog()
    log.put(saw("A", "5", now + 50), saw("A", "5", now + 10))
    await follow(log, database, clock)
    log.put(saw("A", "5", now + 30))
    log.committed["profiles"] = 0  # the cursor was lost; the place is in the state database
    await follow(log, database, clock)
    assert list(ItemSightings(database).prices("shop", now)) == [PriceSeen("A", now, "5", "PLN", 3, now + 10, now + 50)]
    (item,) = ItemSightings(database).items("shop", now)
    assert (item.views, item.last_ms) == (3, now + 50)


async def test_old_hours_go_and_a_rebuild_brings_them_back(database: Database, clock: FakeClock) -> None:
    now = clock() // HOUR * HOUR
    log = MemoryLog()
    log.put(saw("A", "5", now - 3 * HOUR), saw("A", "5", now), saw("A", "5", now - 3 * HOUR, workspace="other"))
    view = await follow(log, database, clock)
    assert await database.run(lambda connection: sightings.trim(connection, "shop", now)) == 2
    reader = ItemSightings(database)
    assert [each.views for each in reader.items("shop", 0)] == [1]
    assert [each.views for each in reader.items("other", 0)] == [1]
    await view.rebuild()
    while await view.step():
        pass
    assert [each.views for each in reader.items("shop", 0)] == [2]


async def test_nothing_of_the_visitor_is_kept(database: Database, clock: FakeClock) -> None:
    log = MemoryLog()
    log.put(saw("A", "5", clock(), who="s1_anna"))
    await follow(log, database, clock)
    with database.read() as connection:
        rows = [connection.execute(sa.select(table)).all() for table in (item_sightings, item_prices_seen)]
    assert "anna" not in repr(rows)


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=4))
def test_an_amount_has_one_spelling(amount: Decimal) -> None:
    assert Decimal(sightings.plain(amount)) == amount
    assert sightings.plain(amount) == sightings.plain(amount.normalize())
