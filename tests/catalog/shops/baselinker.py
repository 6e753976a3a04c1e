"""BaseLinker's API, as https://api.baselinker.com describes it.

One address, POST, ``method`` and ``parameters`` in a form, ``X-BLToken``; errors in a 200 with ``status: ERROR``; 100
requests a minute, beyond which the token is blocked for a while; 1,000 products a page; objects keyed by id.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import parse_qs

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import CATEGORIES, Goods, Shop, reply


class BaseLinker(Shop):
    kind = "baselinker"
    secrets: ClassVar = {"token": "bl-token-1"}
    options: ClassVar = {"inventory_id": 306, "link": "https://shop.example/p/{sku}"}

    def allows(self, request: OutRequest) -> bool:
        return request.headers.get("X-BLToken") == "bl-token-1"

    def throttled(self) -> Answer:
        words = "Query limit exceeded, token blocked until 2026-08-29 12:00:00"
        return reply({"status": "ERROR", "error_code": "ERROR_BLOCKED_TOKEN", "error_message": words})

    def denied(self) -> Answer:
        return reply({"status": "ERROR", "error_code": "ERROR_USER_TOKEN", "error_message": "No user found"})

    def expected(self) -> dict[str, tuple[str, str]]:
        shown = {**self.goods}
        self.goods = {key: one for key, one in shown.items() if one.published}
        found = super().expected()
        self.goods = shown
        return found

    def answer(self, request: OutRequest) -> Answer:
        assert (request.method, request.url) == ("POST", "https://api.baselinker.com/connector.php")
        form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        given = json.loads(form["parameters"])
        return reply({"status": "SUCCESS", **self._call(form["method"], given)})

    def _call(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        # BaseLinker has no unpublished products: what is not for sale is not in the catalogue.
        there = {one.id: one for one in self.goods.values() if one.published}
        match method:
            case "getInventoryPriceGroups":
                other = {"price_group_id": 104, "name": "B2B", "currency": "EUR", "is_default": False}
                return {"price_groups": [other, {"price_group_id": 105, "currency": self.currency, "is_default": True}]}
            case "getInventoryManufacturers":
                return {"manufacturers": [{"manufacturer_id": 7, "name": "Acme"}]}
            case "getInventoryCategories":
                listed = [{"category_id": i, "name": n, "parent_id": parent} for i, (n, parent) in CATEGORIES.items()]
                return {"categories": listed}
            case "getInventoryProductsList":
                assert given["filter_sort"] == "id ASC"
                ids = sorted(there)[(given["page"] - 1) * 1000 : given["page"] * 1000]
                return {"products": {str(one): {"id": one, "name": "…"} for one in ids} or []}
            case "getInventoryProductsData":
                assert len(given["products"]) <= 100
                found = {str(one): self._product(there[one]) for one in given["products"] if one in there}
                return {"products": found or []}
        raise AssertionError(method)

    def _product(self, goods: Goods) -> dict[str, Any]:
        first = goods.variants[0]
        return {
            "is_bundle": False, "sku": f"S{goods.id}", "ean": "", "category_id": 2, "manufacturer_id": 7,
            "prices": {"104": 1, "105": float(first.price)}, "stock": {"bl_206": first.stock} if goods.simple else [],
            "text_fields": {"name": goods.title, "description": "<p>Good.</p>", "features": []},
            "images": {"10": "https://cdn.example/b.jpg", "1": f"https://cdn.example/{goods.id}.jpg"}, "links": [],
            "variants": [] if goods.simple else {
                str(one.id): {
                    "name": one.color, "sku": f"S{one.id}", "ean": "", "prices": {"105": float(one.price)},
                    "stock": {"bl_206": one.stock, "bl_207": 0},
                }
                for one in goods.variants
            },
        }  # fmt: skip
