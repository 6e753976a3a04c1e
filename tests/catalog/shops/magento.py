"""Magento 2.4's REST API, as https://developer.adobe.com/commerce/webapi/rest describes it.

Bearer token; lists by ``searchCriteria`` with filter groups, sort orders and pages, where a page past the end gives the
last one again; ``total_count``; option ids in select attributes; stock by source where Inventory Management is on.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import Goods, Shop, Variant, asked, reply


class Magento(Shop):
    kind = "magento"
    secrets: ClassVar = {"token": "mg_1"}
    options: ClassVar = {"url": "https://mage.example", "store": "pl"}
    inventory = True
    special: ClassVar[dict[str, dict[str, str]]] = {}

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return f"S{goods.id}" if goods.simple else f"S{variant.id}"

    def allows(self, request: OutRequest) -> bool:
        return request.headers.get("Authorization") == "Bearer mg_1"

    def answer(self, request: OutRequest) -> Answer:
        path, query = asked(request)
        match path.removeprefix("/rest/pl/V1/").split("/"):
            case ["store", "storeConfigs"]:
                base = "https://mage.example/"
                own = {
                    "secure_base_link_url": base,
                    "secure_base_media_url": f"{base}media/",
                    "timezone": "Europe/Warsaw",
                }
                other = {"code": "default", "base_currency_code": "EUR", **own}
                return reply(
                    [
                        other,
                        {
                            "code": "pl",
                            "base_currency_code": self.currency,
                            "default_display_currency_code": "USD",
                            **own,
                        },
                    ]
                )
            case ["products", "attributes", "color"]:
                options = [
                    {"label": " ", "value": ""},
                    *({"label": f"colour {n}", "value": str(n)} for n in range(1, 9)),
                ]
                return reply({"attribute_code": "color", "options": options})
            case ["products", "attributes", _]:
                return reply({"message": "no such entity"}, 404)
            case ["categories"]:
                shirts = {"id": 2, "name": "Shirts", "level": 3, "children_data": []}
                clothes = {"id": 1, "name": "Clothes", "level": 2, "children_data": [shirts]}
                return reply({"id": 9, "name": "Default Category", "level": 1, "children_data": [clothes]})
            case ["inventory", "source-items"]:
                return self._sources(query) if self.inventory else reply({"message": "no route"}, 404)
            case ["products"]:
                everything = [one for goods in self.goods.values() for one in self._entities(goods)]
                return self._list(everything, query, "entity_id", "id")
        return reply({"message": "Request does not match any route."}, 404)

    def _sources(self, query: dict[str, str]) -> Answer:
        found = [
            {"sku": self.item_id(goods, one), "source_code": source, "quantity": quantity, "status": 1}
            for goods in self.goods.values()
            for one in goods.variants
            for source, quantity in (("default", one.stock), ("outlet", 0))
        ]
        return self._list(found, query, "sku", "sku")

    def _list(self, found: list[Any], query: dict[str, str], name: str, key: str) -> Answer:
        for at in [one for one in query if one.endswith("[field]") and "filterGroups" in one]:
            assert query[at] == name
            value, how = query[at.replace("[field]", "[value]")], query[at.replace("[field]", "[conditionType]")]
            if how == "gt":
                found = [one for one in found if one[key] > int(value)]
            else:
                assert how == "in"
                found = [one for one in found if str(one[key]) in value.split(",")]
        assert query["searchCriteria[sortOrders][0][field]"] == name
        found = sorted(found, key=lambda one: one[key])
        size, page = int(query["searchCriteria[pageSize]"]), int(query["searchCriteria[currentPage]"])
        page = min(page, max(1, -(-len(found) // size)))  # beyond the end it gives the last page again
        return reply({"items": found[(page - 1) * size : page * size], "total_count": len(found)})

    def _entities(self, goods: Goods) -> list[dict[str, Any]]:
        if goods.simple:
            return [self._entity(goods.id, f"S{goods.id}", goods, goods.variants[0], "simple", 4)]
        parent = self._entity(goods.id, f"S{goods.id}", goods, None, "configurable", 4)
        parent["extension_attributes"]["configurable_product_links"] = [one.id for one in goods.variants]
        children = [self._entity(one.id, f"S{one.id}", goods, one, "simple", 1) for one in goods.variants]
        return [*children, parent]

    def _entity(
        self, key: int, sku: str, goods: Goods, variant: Variant | None, kind: str, seen: int
    ) -> dict[str, Any]:
        custom: list[Any] = [
            {"attribute_code": "url_key", "value": f"p-{key}"},
            {"attribute_code": "category_ids", "value": ["1", "2"]},
            {"attribute_code": "description", "value": "<p>Good.</p>"},
        ]
        if variant and (found := re.search(r"\d+", variant.color)):
            custom.append({"attribute_code": "color", "value": found[0]})
        custom += [{"attribute_code": name, "value": value} for name, value in self.special.get(sku, {}).items()]
        stock = {} if self.inventory or variant is None else {
            "stock_item": {"qty": variant.stock, "is_in_stock": variant.stock > 0}
        }  # fmt: skip
        entry = {"id": 1, "media_type": "image", "disabled": False, "types": ["image"], "file": f"/p/{goods.id}.jpg"}
        return {
            "id": key, "sku": sku, "name": goods.title, "price": float(variant.price) if variant else 0, "type_id": kind,
            "status": 1 if goods.published else 2, "visibility": seen, "extension_attributes": dict(stock),
            "media_gallery_entries": [entry], "custom_attributes": custom,
        }  # fmt: skip
