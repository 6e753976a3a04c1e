"""BigCommerce REST API v3, as https://developer.bigcommerce.com/docs describes it.

``X-Auth-Token``; lists in ``data`` with at most 250; ``sort=id``, ``id:greater``, ``id:in``, ``date_modified:min``,
``include=variants,images``; a quota with a window (``X-Rate-Limit-*``, 429); webhooks that name ids only, signed as
Standard Webhooks with the client secret.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import CATEGORIES, Goods, Shop, Variant, asked, reply


class BigCommerce(Shop):
    kind = "bigcommerce"
    secrets: ClassVar = {"token": "bc_1"}
    options: ClassVar = {"store_hash": "abc123"}

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return str(goods.id) if goods.simple else f"{goods.id}-{variant.id}"

    def allows(self, request: OutRequest) -> bool:
        return request.headers.get("X-Auth-Token") == "bc_1"

    def throttled(self) -> Answer:
        return reply({"title": "too many"}, 429, x_rate_limit_time_reset_ms="7000", x_rate_limit_requests_left="0")

    def hook(self, product: int) -> tuple[dict[str, str], bytes]:
        scope = "store/product/updated" if product in self.goods else "store/product/deleted"
        data: dict[str, Any] = {"type": "product", "id": product}
        if product % 2:
            scope, data = "store/sku/updated", {"type": "sku", "id": 1, "sku": {"product_id": product, "variant_id": 9}}
        return self.standard({"scope": scope, "store_id": "1", "producer": "stores/abc123", "hash": "x", "data": data})

    def answer(self, request: OutRequest) -> Answer:
        path, query = asked(request)
        match path.removeprefix("/stores/abc123/"):
            case "v2/store":
                return reply({"id": "abc123", "currency": self.currency, "secure_url": "https://bc.example"})
            case "v3/catalog/brands":
                return self._list([{"id": 7, "name": "Acme"}], query)
            case "v3/catalog/categories":
                found = [{"id": i, "name": name, "parent_id": parent} for i, (name, parent) in CATEGORIES.items()]
                return self._list(found, query)
            case "v3/catalog/products":
                return self._products(query)
        return reply({"status": 404}, 404)

    def _products(self, query: dict[str, str]) -> Answer:
        assert (query["sort"], query["direction"], query["include"]) == ("id", "asc", "variants,images")
        found = sorted(self.goods.values(), key=lambda one: one.id)
        if "id:in" in query:
            found = [one for one in found if str(one.id) in query["id:in"].split(",")]
        if "id:greater" in query:
            found = [one for one in found if one.id > int(query["id:greater"])]
        if since := query.get("date_modified:min"):
            found = [one for one in found if one.changed_ms >= datetime.fromisoformat(since).timestamp() * 1000]
        return self._list([self._product(one) for one in found], query)

    def _list(self, found: list[Any], query: dict[str, str]) -> Answer:
        size = int(query["limit"])
        assert size <= 250
        start = (int(query.get("page", "1")) - 1) * size
        meta = {"pagination": {"total": len(found), "per_page": size}}
        return reply({"data": found[start : start + size], "meta": meta}, x_rate_limit_requests_left="35")

    def _product(self, goods: Goods) -> dict[str, Any]:
        return {
            "id": goods.id, "name": goods.title, "sku": f"S{goods.id}", "description": "<p>Good.</p>", "price": 1.0,
            "sale_price": 0, "is_visible": goods.published, "availability": "available", "categories": [2], "brand_id": 7,
            "inventory_tracking": "variant", "inventory_level": 99, "custom_url": {"url": f"/p-{goods.id}/"},
            "condition": "New", "gtin": "", "upc": "", "mpn": "",
            "images": [
                {"url_standard": f"https://cdn.example/{goods.id}-b.jpg", "is_thumbnail": False, "sort_order": 1},
                {"url_standard": f"https://cdn.example/{goods.id}.jpg", "is_thumbnail": True, "sort_order": 2},
            ],
            "variants": [self._variant(goods, one) for one in goods.variants],
        }  # fmt: skip

    def _variant(self, goods: Goods, variant: Variant) -> dict[str, Any]:
        options = [] if goods.simple else [{"option_display_name": "Color", "label": variant.color, "id": 1}]
        return {
            "id": variant.id, "product_id": goods.id, "sku": f"S{variant.id}", "price": float(variant.price),
            "sale_price": None, "inventory_level": variant.stock, "purchasing_disabled": False, "image_url": "",
            "option_values": options, "upc": "", "mpn": "", "gtin": "",
        }  # fmt: skip
