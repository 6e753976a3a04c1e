"""What only Akeneo does: values by channel and locale, models of two levels, labels, assets, tokens and cursors that die."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rekindle.catalog import Options, Report, open_catalog
from rekindle.catalog.account import Cursor, Record, Scope
from rekindle.catalog.row import Item
from rekindle.catalog.sources.akeneo.account import configure
from rekindle.egress.connector import Answer, SettingsError
from rekindle.engines.database import Database
from tests.catalog.shops.akeneo import Akeneo
from tests.catalog.shops.base import reply
from tests.catalog.shops.world import World, world
from tests.conftest import FakeClock


def made(
    folder: Path, database: Database, clock: FakeClock, products: int = 12, **options: Any
) -> tuple[World, Akeneo]:
    w = world(folder, database, Akeneo, clock, products, **options)
    assert isinstance(w.shop, Akeneo)
    return w, w.shop


async def test_variants_are_grouped_by_the_root_of_their_models(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w, _ = made(tmp_path, database, clock)
    await w.run()
    item = w.items()["S5001"]
    assert (item["group_id"], item["origin"]) == ("M5", "model:M5")
    assert (item["title"], item["description"], item["color"]) == ("Product 5", "On the page", "colour 1")
    assert (item["link"], item["image_link"]) == ("https://shop.example/S5001", "https://media.example/f/2/5.jpg")
    assert item["product_type"] == "Clothes > Shirts"
    assert w.items()["S1"]["origin"] == w.shop.uuid_of("S1")  # type: ignore[attr-defined]


async def test_columns_and_ids_are_mapped(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w, shop = made(tmp_path, database, clock, id="PL-{uuid}", currency="EUR", incomplete=True)
    w.source = msgspec.structs.replace(w.source, columns={"mpn": "sku", "material": "nowhere"})
    shop.complete[1] = 20
    assert (await w.run()).status == "live"
    item = w.items()[f"PL-{shop.uuid_of('S1')}"]
    assert (item["mpn"], item["price"], item["currency"]) == ("S1", Decimal("1.00"), "EUR")
    assert item["material"] is None


async def test_incomplete_products_are_left_out(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w, shop = made(tmp_path, database, clock)
    shop.complete[1] = 99
    result = await w.run()
    assert result.codes["not-published"] == 1
    assert set(shop.expected()) - set(w.told()) == {"S1"}


async def test_a_token_that_dies_on_the_way_is_renewed(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w, shop = made(tmp_path, database, clock, 130)
    shop.lives = 2
    assert (await w.run()).status == "live"
    assert shop.tokens >= 3
    assert w.told() == shop.expected()


async def test_a_place_that_is_forgotten_begins_the_walk_anew(
    tmp_path: Path, database: Database, clock: FakeClock
) -> None:
    w, shop = made(tmp_path, database, clock, 260)

    def forget(request: Any) -> Answer | None:
        gone = "search_after" in request.url and "products-uuid" in request.url and "search_after=" in request.url
        return reply({"code": 422, "message": "cursor"}, 422) if gone else None

    shop.faults = [lambda _: None] * 7 + [forget]
    assert (await w.run()).status == "live"
    assert sum("/channels/" in request.url for request in shop.requests) == 2
    assert w.told() == shop.expected()


async def test_a_product_may_be_named_by_its_identifier(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    w, shop = made(tmp_path, database, clock)
    await w.run()
    shop.put(7, ("70.00", 1))
    shop.put(400, ("8.00", 2))
    shop.put(5, ("51.00", 1), ("52.00", 1), ("53.00", 1))
    assert (
        await w.hook(*shop.standard({"ids": ["S7", "S400", "S5002", shop.uuid_of("nothing"), "nothing"]}))
    ).status == 204
    assert await w.refresh() == 1
    assert w.told() == shop.expected()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channel": "print"}, "no such channel"),
        ({"currency": "USD"}, "EUR, PLN; look at currency"),
        ({"locale": "de_DE"}, "en_US, pl_PL; look at locale"),
    ],
)
async def test_what_the_channel_does_not_have_is_said(
    tmp_path: Path, database: Database, clock: FakeClock, options: dict[str, Any], words: str
) -> None:
    w, _ = made(tmp_path, database, clock, **options)
    result = await w.run()
    assert (result.status, result.reason) == ("failed", "broken")
    assert words in result.message


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"channel": "a/b"}, "channel must be a code"),
        ({"locale": 5}, "locale"),
        ({"endpoint": "else"}, "endpoint must be"),
        ({"time_zone": "Mars"}, "time_zone must be"),
        ({"url": "http://pim.example"}, "must be https"),
    ],
)
def test_settings_are_checked(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        configure({**Akeneo.options, **changed}, Akeneo.secrets)


def read(folder: Path, values: dict[str, Any], **extra: Any) -> Item:
    """Read one product with these values, as a walk wrote it."""
    shop = Record("shop", "", {"channel": "ecommerce", "locale": "pl_PL", "currency": "PLN"})
    model = Record("model", "M", {"code": "M", "values": {"brand": [_value("Acme")], "name": [_value("Model")]}})
    product = Record("product", "u", {"uuid": "u", "enabled": True, "parent": "M", "values": values})
    file = folder / "walk.jsonl"
    file.write_bytes(msgspec.json.Encoder().encode_lines([shop, model, product]))
    with open_catalog(file, "akeneo", Options(extra=extra), Report()) as opened:
        (item,) = opened.items()
    return item


def _value(data: Any, **more: Any) -> dict[str, Any]:
    return {"locale": None, "scope": None, "data": data, **more}


def test_values_of_every_kind(tmp_path: Path) -> None:
    share = {"share_links": [{"attribute": "media", "_links": {"self": {"href": "https://assets.example/left.png"}}}]}
    item = read(
        tmp_path,
        {
            "sku": [_value("A1")],
            "collection": [_value(["w", "s"], linked_data={"w": {"labels": {"pl_PL": "Zima"}}, "s": {"labels": {}}})],
            "pictures": [_value(["left", "right"], linked_data={"left": share})],
            "weight": [_value({"amount": "800.0000", "unit": "GRAM", "symbol": "g"})],
            "washable": [_value(True)],
            "age": [_value(40)],
            "price": [_value([{"amount": None, "currency": "PLN"}])],
            "table": [_value([{"ingredient": "salt", "quantity": 3}])],
            "linked": [_value({"type": "product", "id": "x"})],
            "released": [_value("2021-04-29T08:58:00.101Z")],
        },
    )
    product = item.product
    assert (product.id, product.title, product.brand, product.group_id, product.price) == (
        "A1",
        "Model",
        "Acme",
        "M",
        None,
    )
    assert product.attributes == {
        "sku": "A1",
        "collection": "Zima, s",
        "pictures": "https://assets.example/left.png, right",
        "weight": "800.0000 GRAM",
        "washable": "true",
        "age": "40",
        "released": "2021-04-29T08:58:00.101Z",
    }


def test_moments_are_in_the_time_zone_of_the_server() -> None:
    account = configure({**Akeneo.options, "time_zone": "America/New_York"}, Akeneo.secrets)
    asked = account.ask(Cursor("products", scope=Scope(since_ms=1_788_000_000_000)), "token")
    assert "2026-08-29+06%3A40%3A00" in asked.url
