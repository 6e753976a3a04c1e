"""Shoper's REST API, as its published integrations use it.

``POST /webapi/rest/auth`` with HTTP Basic gives a bearer token that dies; lists of at most 50 with ``filters`` (JSON),
``order`` and ``page``; numbers are text; 429 with ``Retry-After``; webhooks summed with SHA-1 of id, key and body.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import CATEGORIES, Goods, Shop, Variant, asked, reply


class Shoper(Shop):
    kind = "shoper"
    tells_currency = False
    secrets: ClassVar = {"login": "user-1", "password": "sh_1"}
    options: ClassVar = {"url": "https://shoper.example"}

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.tokens = 0
        self.offers: dict[int, dict[str, Any]] = {}
        self.lives = 10_000
        self.left = 0

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return str(goods.id) if goods.simple else f"{goods.id}-{variant.id}"

    def hook(self, product: int) -> tuple[dict[str, str], bytes]:
        body = json.dumps({"product_id": str(product)}).encode()
        total = hashlib.sha1(b"31:" + self.hook_secret.encode() + b":" + body).hexdigest()
        name = "product.edit" if product in self.goods else "product.delete"
        return {"X-Webhook-Id": "31", "X-Webhook-Name": name, "X-Webhook-SHA1": total}, body

    def allows(self, request: OutRequest) -> bool:
        given = request.headers.get("Authorization")
        if request.url.endswith("/auth"):
            return given == "Basic " + base64.b64encode(b"user-1:sh_1").decode()
        self.left -= 1
        return self.left >= 0 and given == f"Bearer token-{self.tokens}"

    def answer(self, request: OutRequest) -> Answer:
        path, query = asked(request)
        if path == "/webapi/rest/auth":
            self.tokens, self.left = self.tokens + 1, self.lives
            return reply({"access_token": f"token-{self.tokens}", "expires_in": 2592000, "token_type": "bearer"})
        match path.removeprefix("/webapi/rest/"):
            case "producers":
                return self._list([{"producer_id": "7", "name": "Acme"}], query, "producer_id")
            case "categories":
                found = [
                    {"category_id": str(i), "translations": {"pl_PL": {"name": n}}} for i, (n, _) in CATEGORIES.items()
                ]
                return self._list(found, query, "category_id")
            case "options":
                return self._list(
                    [{"option_id": "4", "translations": {"pl_PL": {"name": "Kolor"}}}], query, "option_id"
                )
            case "option-values":
                values = [
                    {"ovalue_id": str(n), "option_id": "4", "translations": {"pl_PL": {"value": f"colour {n}"}}}
                    for n in range(1, 9)
                ]
                return self._list(values, query, "ovalue_id")
            case "products":
                return self._list([self._product(one) for one in self.goods.values()], query, "product_id")
            case "product-stocks":
                found = [
                    self._stock(goods, one)
                    for goods in self.goods.values()
                    if not goods.simple
                    for one in goods.variants
                ]
                return self._list(found, query, "stock_id")
        return reply({"error": "not_found"}, 404)

    def _list(self, found: list[Any], query: dict[str, str], key: str) -> Answer:
        assert query["order"] == f"{key} ASC"
        for name, wanted in json.loads(query["filters"]).items():
            if isinstance(wanted, str):
                found = [one for one in found if one[name] == wanted]
            elif ">" in wanted:
                found = [one for one in found if int(one[name]) > int(wanted[">"])]
            else:
                found = [one for one in found if one[name] in wanted["IN"]]
        found.sort(key=lambda one: int(one[key]))
        size, page = int(query["limit"]), int(query["page"])
        assert size <= 50
        shown = found[(page - 1) * size : page * size]
        return reply({"count": str(len(found)), "pages": -(-len(found) // size), "page": page, "list": shown})

    def _product(self, goods: Goods) -> dict[str, Any]:
        first = goods.variants[0]
        texts = {
            "name": goods.title, "description": "<p>Good.</p>", "short_description": "",
            "active": "1" if goods.published else "0", "permalink": f"https://shoper.example/pl/p/{goods.id}",
        }  # fmt: skip
        return {
            "product_id": str(goods.id), "producer_id": "7", "category_id": "2", "code": f"S{goods.id}", "ean": "",
            "translations": {"pl_PL": texts}, "promo_price": "1.00", "special_offer": self.offers.get(goods.id), "stock": self._own(goods, first, "0", "0"),
            "main_image": {"gfx_id": str(goods.id), "name": "a b.jpg", "unic_name": "x", "extension": "jpg"},
        }  # fmt: skip

    def _stock(self, goods: Goods, variant: Variant) -> dict[str, Any]:
        chosen = [{"option_id": "4", "value_id": int(variant.color.split()[-1])}]
        return {**self._own(goods, variant, "1", "1"), "options": chosen}

    def _own(self, goods: Goods, variant: Variant, extended: str, price_type: str) -> dict[str, Any]:
        return {
            "stock_id": str(variant.id), "extended": extended, "product_id": str(goods.id), "price": variant.price,
            "price_type": price_type, "active": "1", "stock": f"{variant.stock}.0000", "code": f"S{variant.id}", "ean": "",
        }  # fmt: skip
