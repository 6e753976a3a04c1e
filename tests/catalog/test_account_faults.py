"""What only some shop systems do: operations that fail, addresses and tokens that expire, hints in our own form."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from rekindle.catalog import HintStore
from rekindle.catalog.hints import EVERYTHING, MOST
from rekindle.catalog.images import pattern_of
from rekindle.catalog.report import Refused
from rekindle.engines.database import Database
from tests.catalog.shops.magento import Magento
from tests.catalog.shops.prestashop import PrestaShop
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


async def test_shoper_names_options_and_reckons_special_offers(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w = world(tmp_path, database, Shoper, clock, 12)
    shop = w.shop
    assert isinstance(shop, Shoper)
    shop.put(8, ("8.00", 1), ("8.00", 1))
    dates = {"date_from": "2026-09-01 00:00:00", "date_to": "2026-09-08 00:00:00"}
    shop.offers[5] = {"discount": "0.50", "condition_type": "1", **dates}
    shop.offers[7] = {"discount": "9.00", "condition_type": "1", **dates}  # more than the price
    shop.offers[8] = {"discount": "2.00", "condition_type": "2", "stocks": [8002], **dates}
    await w.run()
    items = w.items()
    assert [items[f"5-500{n}"]["color"] for n in (1, 2, 3)] == ["colour 1", "colour 2", "colour 3"]
    assert items["5-5001"]["sale_price"] == Decimal("5.00")
    assert items["5-5001"]["sale_start_ms"] == 1_788_220_800_000
    assert items["7"]["sale_price"] is None
    assert (items["8-8001"]["sale_price"], items["8-8002"]["sale_price"]) == (None, Decimal("6.00"))
    before = len(shop.requests)
    shop.put(5, ("6.00", 1), ("6.00", 1))
    await w.hook(*shop.hook(5))
    await w.refresh()
    asked = [request.url for request in shop.requests[before:]]
    assert sum("/options?" in url for url in asked) == sum("/option-values?" in url for url in asked) == 1
    assert w.items()["5-5002"]["color"] == "colour 2"
    shop.options = {**shop.options, "image": "userdata/gfx/{unic_name}.{extension}"}  # type: ignore[misc]
    again = World(tmp_path, database, shop)
    await again.run()
    assert again.items()["5-5002"]["image_link"] == "https://shoper.example/userdata/gfx/x.jpg"


async def test_magento_special_prices_are_days_of_the_store(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w = world(tmp_path, database, Magento, clock, 3)
    special = {"special_price": "0.50", "special_from_date": "2026-09-01 00:00:00"}
    w.shop.special = {"S1": {**special, "special_to_date": "2026-09-07 00:00:00"}, "S2": special}  # type: ignore[attr-defined]
    await w.run()
    items = w.items()
    assert items["S1"]["currency"] == "PLN", "prices are stored in the base currency"
    assert items["S1"]["sale_start_ms"] == 1_788_220_800_000 - 7_200_000  # midnight in Warsaw
    assert items["S1"]["sale_end_ms"] - items["S1"]["sale_start_ms"] == 7 * 86_400_000  # the last day is part of it
    assert (items["S2"]["sale_start_ms"], items["S2"]["sale_end_ms"]) == (items["S1"]["sale_start_ms"], None)


@pytest.mark.parametrize(("shop", "expected"), [("0", "out_of_stock"), ("1", "backorder")])
async def test_prestashop_takes_orders_without_stock_where_the_shop_does(
    tmp_path: Path, database: Database, clock: FakeClock, shop: str, expected: str
) -> None:
    w = world(tmp_path, database, PrestaShop, clock, 3)
    w.shop.backorders = shop  # type: ignore[attr-defined]
    await w.run()
    assert w.items()["3"]["availability"] == expected
