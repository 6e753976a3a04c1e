"""WooCommerce REST API v3, as https://woocommerce.github.io/woocommerce-rest-api-docs/ describes it.

Authentication by HTTP Basic; lists with ``per_page`` (100 at most), ``page`` or ``offset``, ``orderby`` and ``order``,
``status``, ``modified_after`` with ``dates_are_gmt``; 404 with ``woocommerce_rest_product_invalid_id``; variations below
their product; webhooks signed with base64 HMAC-SHA256. It documents no quota; hosts answer 429 or 503.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import CATEGORIES, Goods, Shop, Variant, asked, reply

_GONE = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}


class WooCommerce(Shop):
    kind = "woocommerce"
    secrets: ClassVar = {"consumer_key": "ck_1", "consumer_secret": "cs_1"}
    options: ClassVar = {"url": "https://woo.example"}

    def allows(self, request: OutRequest) -> bool:
        return request.headers.get("Authorization") == "Basic " + base64.b64encode(b"ck_1:cs_1").decode()

    def hook(self, product: int) -> tuple[dict[str, str], bytes]:
        goods = self.goods.get(product)
        body = json.dumps({"id": product} if goods is None else self._product(goods)).encode()
        signature = base64.b64encode(hmac.new(self.hook_secret.encode(), body, hashlib.sha256).digest()).decode()
        topic = "product.deleted" if goods is None else "product.updated"
        return {
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": "product",
        }, body

    def answer(self, request: OutRequest) -> Answer:
        path, query = asked(request)
        parts = path.removeprefix("/wp-json/wc/v3/").split("/")
        match parts:
            case ["data", "currencies", "current"]:
                return reply({"code": self.currency, "name": "x", "symbol": "zł"})
            case ["products", "categories"]:
                found = [{"id": i, "name": name, "parent": parent} for i, (name, parent) in CATEGORIES.items()]
                return self._page(found, query)
            case ["products"]:
                return self._page([self._product(one) for one in self._chosen(query)], query)
            case ["products", number]:
                return self._single(int(number))
            case ["products", number, "variations"]:
                goods = self.goods.get(int(number))
                if goods is None:
                    return reply(_GONE, 404)
                return self._page([self._variation(goods, one) for one in goods.variants], query)
        return reply({"code": "rest_no_route"}, 404)

    def _chosen(self, query: dict[str, str]) -> list[Goods]:
        assert query["orderby"] == "id"
        assert query["order"] == "asc"
        found = sorted(self.goods.values(), key=lambda one: one.id)
        if query["status"] == "publish":
            found = [one for one in found if one.published]
        if since := query.get("modified_after"):
            assert query["dates_are_gmt"] == "true"
            moment = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp() * 1000
            found = [one for one in found if one.changed_ms > moment]
        return found

    def _page(self, found: list[Any], query: dict[str, str]) -> Answer:
        size = int(query["per_page"])
        assert 1 <= size <= 100
        start = int(query["offset"]) if "offset" in query else (int(query.get("page", "1")) - 1) * size
        return reply(found[start : start + size], x_wp_total=str(len(found)))

    def _single(self, number: int) -> Answer:
        if number in self.goods:
            return reply(self._product(self.goods[number]))
        for goods in self.goods.values():
            for variant in goods.variants:
                if variant.id == number and not goods.simple:
                    return reply({**self._variation(goods, variant), "type": "variation", "parent_id": goods.id})
        return reply(_GONE, 404)

    def _product(self, goods: Goods) -> dict[str, Any]:
        own = (
            self._offer(goods.variants[0])
            if goods.simple
            else {"price": "", "regular_price": "", "stock_status": "instock"}
        )
        names = [one.color for one in goods.variants]
        return {
            "id": goods.id, "name": goods.title, "type": "simple" if goods.simple else "variable",
            "status": "publish" if goods.published else "draft", "permalink": f"https://woo.example/p/{goods.id}/",
            "description": "<p>Good.</p>", "short_description": "", "sku": f"S{goods.id}", "global_unique_id": "",
            "categories": [{"id": 2, "name": "Shirts", "slug": "shirts"}], "tags": [], "brands": [{"id": 1, "name": "Acme"}],
            "images": [{"id": 1, "src": f"https://woo.example/i/{goods.id}.jpg"}], "weight": "0.4", "parent_id": 0,
            "attributes": [] if goods.simple else [{"name": "Color", "variation": True, "visible": True, "options": names}],
            "variations": [] if goods.simple else [one.id for one in goods.variants],
            "meta_data": [{"key": "_secret_plugin", "value": "x"}], "_links": {"self": []}, **own,
        }  # fmt: skip

    def _variation(self, goods: Goods, variant: Variant) -> dict[str, Any]:
        return {
            "id": variant.id, "name": f"{goods.title} - {variant.color}", "status": "publish", "description": "",
            "permalink": f"https://woo.example/p/{goods.id}/?attribute_color={variant.id}", "sku": f"S{variant.id}",
            "image": {"id": 2, "src": f"https://woo.example/i/{variant.id}.jpg"}, "meta_data": [],
            "attributes": [{"name": "Color", "option": variant.color}], **self._offer(variant),
        }  # fmt: skip

    def _offer(self, variant: Variant) -> dict[str, Any]:
        return {
            "price": variant.price, "regular_price": variant.price, "sale_price": "", "date_on_sale_from_gmt": None,
            "date_on_sale_to_gmt": None, "stock_quantity": variant.stock, "manage_stock": True,
            "stock_status": "instock" if variant.stock > 0 else "outofstock",
        }  # fmt: skip
