"""What only some shop systems do: operations that fail, addresses and tokens that expire, hints in our own form."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.catalog import HintStore
from rekindle.catalog.hints import EVERYTHING, MOST
from rekindle.catalog.images import pattern_of
from rekindle.catalog.report import Refused
from rekindle.engines.database import Database
from tests.catalog.shops.magento import Magento
from tests.catalog.shops.shoper import Shoper
from tests.catalog.shops.shopify import Shopify
from tests.catalog.shops.woocommerce import WooCommerce
from tests.catalog.shops.world import World, world
from tests.conftest import FakeClock


def shopify(folder: Path, database: Database, clock: FakeClock) -> tuple[World, Shopify]:
    w = world(folder, database, Shopify, clock, 12)
    assert isinstance(w.shop, Shopify)
    return w, w.shop


async def test_a_bulk_operation_that_failed_is_begun_again(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w, shop = shopify(tmp_path, database, clock)
    shop.ends_as = ["FAILED", "CANCELED", "COMPLETED"]
    assert (await w.run()).status == "live"
    assert len(shop.operations) == 3
    assert w.told() == shop.expected()
    before = w.told()
    shop.remove(1)
    shop.ends_as = ["FAILED"]
    result = await w.run()
    assert (result.status, result.reason) == ("failed", "restarted")
    assert w.told() == before, "a part of a walk removes nothing"


async def test_an_expired_address_or_operation_begins_the_walk_anew(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w, shop = shopify(tmp_path, database, clock)
    shop.expired = {"https://files.example/1.jsonl?Signature=abc"}
    assert (await w.run()).status == "live"
    assert len(shop.operations) == 2
    shop.after[len(shop.requests) + 2] = shop.operations.clear  # right after the start
    shop.put(50, ("5.00", 1))
    assert (await w.run()).status == "live"
    assert w.told() == shop.expected()


async def test_other_operations_are_waited_for(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w, shop = shopify(tmp_path, database, clock)
    shop.busy = 2
    assert (await w.run()).status == "live"
    assert len([seconds for seconds in w.slept if seconds >= 60]) == 2


async def test_a_stock_webhook_leads_to_its_product(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w, shop = shopify(tmp_path, database, clock)
    await w.run()
    shop.put(7, ("7.50", 0))
    hook = shop.signed("inventory_levels/update", {"inventory_item_id": 7001, "location_id": 1, "available": 9})
    assert (await w.hook(*hook)).status == 204
    await w.refresh()
    assert w.told() == shop.expected()
    assert (await w.hook(*shop.signed("orders/create", {"id": 8}))).status == 204
    assert await w.refresh() == 0, "other topics are taken and mean nothing"


async def test_a_token_that_dies_on_the_way_is_renewed(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w = world(tmp_path, database, Shoper, clock, 130)
    assert isinstance(w.shop, Shoper)
    w.shop.lives = 2
    assert (await w.run()).status == "live"
    assert w.shop.tokens >= 3
    assert w.told() == w.shop.expected()


async def test_magento_without_inventory_management(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w = world(tmp_path, database, Magento, clock, 12)
    assert isinstance(w.shop, Magento)
    w.shop.inventory = False
    assert (await w.run()).status == "live"
    assert w.told() == w.shop.expected()


async def test_a_hint_in_our_own_form_may_name_an_item(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w = world(tmp_path, database, Magento, clock, 12)
    await w.run()
    w.shop.put(5, ("9.00", 1), ("9.10", 0), ("9.20", 2))
    headers, body = w.shop.standard({"ids": ["S5002"]})
    assert (await w.hook(headers, body)).status == 204
    await w.refresh()
    assert w.told() == w.shop.expected()
    clock.advance(600_000)
    assert (await w.hook(headers, body)).status == 401, "too old to be believed"


async def test_a_hint_without_ids_reads_everything(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w = world(tmp_path, database, WooCommerce, clock, 12)
    await w.run()
    w.shop.remove(3)
    assert await w.importer().step() == 0
    assert (await w.hook(*w.shop.standard({}))).status == 204
    assert await w.importer().step() == 1
    assert w.told() == w.shop.expected()
    assert await w.importer().step() == 0


async def test_the_ping_of_a_new_webhook_is_answered(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w = world(tmp_path, database, WooCommerce, clock, 1)
    assert (await w.hook({}, b"webhook_id=12")).status == 204
    assert (await w.hook({}, b"webhook_id=12&id=1")).status == 401


def test_more_hints_than_a_whole_import_is_worth_become_one(database: Database, clock: FakeClock) -> None:
    store = HintStore(database)
    store.add("shop", "main", [str(n) for n in range(MOST)], clock())
    store.add("shop", "main", ["x", "y"], clock() + 1)
    with database.read() as connection:
        keys = [
            row[0] for row in connection.exec_driver_sql("SELECT key FROM catalog_hints WHERE key IN ('x', 'y', '*')")
        ]
    assert keys == [EVERYTHING]
    store.add("shop", "other", ["k" * 300], clock())
    with database.read() as connection:
        assert [hint.key for hint in store.due(connection, "shop", clock())["other"]] == [EVERYTHING]


async def test_volatile_parts_of_image_addresses_are_no_change(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w = world(tmp_path, database, WooCommerce, clock, 6, volatile_images=["v"])
    picture, version = "https://woo.example/i/{}.jpg?w=3&v={}", 1
    assert isinstance(w.shop, WooCommerce)
    inner = w.shop._product

    def product(goods):
        return {**inner(goods), "images": [{"src": picture.format(goods.id, version)}] * 2}

    w.shop._product = product  # type: ignore[method-assign]
    await w.run()
    first = w.snapshots.current("shop")
    version = 2
    w.shop.put(6, ("6.60", 1))
    assert (await w.run()).status == "live"
    (kept, *_) = w.snapshots.history("shop")
    assert kept.changes.fields == {"price": 1, "quantity": 1, "availability": 1}
    assert w.items()["1"]["image_link"].endswith("v=1")
    picture = "https://woo.example/new/{}.jpg?w=3&v={}"
    assert (await w.run()).status == "live"
    assert w.items()["1"]["image_link"] == "https://woo.example/new/1.jpg?w=3&v=2"
    assert first is not None


@pytest.mark.parametrize("value", ["v", ["a b"], [""], [1], {"v": 1}, ["v|w("]])
def test_volatile_images_are_checked(value: object) -> None:
    with pytest.raises(Refused, match="volatile-images"):
        pattern_of(value)
