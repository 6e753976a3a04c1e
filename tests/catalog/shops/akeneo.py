"""Akeneo's REST API, as https://api.akeneo.com/documentation describes it.

A token by the password grant, with the client in HTTP Basic, that dies; lists of at most 100 below ``_embedded``, whose
link to the next page holds a cursor; filters as JSON; values by locale and scope; two levels of product models; 429
with ``Retry-After``; 422 for what cannot be asked.
"""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import CATEGORIES, Goods, Shop, Variant, asked, reply

_HOST = "https://pim.example"


class Akeneo(Shop):
    kind = "akeneo"
    secrets: ClassVar = {"client_id": "cl_1", "client_secret": "cs_1", "username": "reader_1", "password": "pw_1"}
    options: ClassVar = {
        "url": _HOST, "channel": "ecommerce", "locale": "pl_PL", "currency": "PLN",
        "link": "https://shop.example/{sku}", "media_base": "https://media.example/",
    }  # fmt: skip

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.tokens = 0
        self.lives = 10_000
        self.left = 0
        self.complete: dict[int, int] = {}
        self._families: set[int] = set()

    def put(self, product: int, *variants: tuple[str, int], colors: bool = False, published: bool = True) -> None:
        super().put(product, *variants, colors=colors, published=published)
        if not self.goods[product].simple:
            self._families.add(product)

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return f"S{goods.id}" if goods.simple else f"S{variant.id}"

    def uuid_of(self, sku: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, sku))

    def hook(self, product: int) -> tuple[dict[str, str], bytes]:
        key = f"model:M{product}" if product in self._families else self.uuid_of(f"S{product}")
        return self.standard({"ids": [key]})

    def denied(self) -> Answer:
        return reply({"code": 401, "message": "Authentication is required"}, 401)

    def allows(self, request: OutRequest) -> bool:
        given = request.headers.get("Authorization")
        if request.url == f"{_HOST}/api/oauth/v1/token":
            return given == "Basic " + base64.b64encode(b"cl_1:cs_1").decode()
        self.left -= 1
        return self.left >= 0 and given == f"Bearer token-{self.tokens}"

    def answer(self, request: OutRequest) -> Answer:
        path, query = asked(request)
        if path == "/api/oauth/v1/token":
            assert request.method == "POST"
            if json.loads(request.body) != {"grant_type": "password", "username": "reader_1", "password": "pw_1"}:
                return reply({"code": 422, "message": "No user found for the given username and password"}, 422)
            self.tokens, self.left = self.tokens + 1, self.lives
            return reply({"access_token": f"token-{self.tokens}", "expires_in": 3600, "token_type": "bearer"})
        assert request.method == "GET"
        assert int(query.get("limit", "10")) <= 100
        match path.removeprefix("/api/rest/v1/").split("/"):
            case ["channels", "ecommerce"]:
                return reply(
                    {
                        "code": "ecommerce",
                        "currencies": ["EUR", "PLN"],
                        "locales": ["en_US", "pl_PL"],
                        "category_tree": "master",
                    }
                )
            case ["categories"]:
                return self._pages(path, query)
            case ["product-models"]:
                return self._cursor(
                    path, query, [one for goods in self.goods.values() for one in self._models(goods)], "code"
                )
            case ["products-uuid"]:
                assert query["scope"] == "ecommerce"
                assert query["locales"] == "pl_PL"
                found = [self._product(goods, one) for goods in self.goods.values() for one in goods.variants]
                return self._cursor(path, query, found, "uuid")
        return reply({"code": 404, "message": "not found"}, 404)

    def _pages(self, path: str, query: dict[str, str]) -> Answer:
        """Offset pages; made small, so that there are several."""
        tree = [{"code": "master", "parent": None, "labels": {"pl_PL": "Wszystko"}}]
        tree += [
            {"code": f"c{i}", "parent": f"c{parent}" if parent else "master", "labels": {"pl_PL": name, "en_US": "no"}}
            for i, (name, parent) in CATEGORIES.items()
        ]
        page = int(query.get("page", "1"))
        shown = tree[(page - 1) * 2 : page * 2]
        return self._listed(f"{path}?page={page + 1}&limit=100" if page * 2 < len(tree) else "", shown)

    def _cursor(self, path: str, query: dict[str, str], found: list[Any], key: str) -> Answer:
        for name, (condition,) in json.loads(query.get("search", "{}")).items():
            found = [one for one in found if self._fits(one, name, condition["operator"], condition["value"])]
        found.sort(key=lambda one: str(one[key]))
        size, after = int(query["limit"]), query.get("search_after", "")
        found = [one for one in found if str(one[key]) > after]
        shown = [{name: value for name, value in one.items() if name != "ancestors"} for one in found[:size]]
        more = len(found) > size
        return self._listed(f"{path}?pagination_type=search_after&search_after={shown[-1][key]}" if more else "", shown)

    def _listed(self, following: str, shown: list[Any]) -> Answer:
        links: dict[str, Any] = {"self": {"href": f"{_HOST}/x"}}
        if following:  # behind a proxy these links have often another scheme
            links["next"] = {"href": f"http://pim.example{following}"}
        return reply({"_links": links, "_embedded": {"items": shown}})

    def _fits(self, one: dict[str, Any], name: str, operator: str, value: Any) -> bool:
        match name, operator:
            case "enabled", "=":
                return bool(one["enabled"] == value)
            case "updated", ">":
                datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                return bool(one["updated"][:19].replace("T", " ") > value)
            case "uuid", "IN":
                return one["uuid"] in value
            case "sku", "IN":
                return one["values"]["sku"][0]["data"] in value
            case "identifier", "IN":
                return one["code"] in value
            case "parent", "=":
                return value in one["ancestors"]
        raise AssertionError(f"no such filter: {name} {operator}")

    def _models(self, goods: Goods) -> list[dict[str, Any]]:
        if goods.simple:
            return []
        name = {"name": [{"locale": "pl_PL", "scope": None, "data": goods.title}]}
        root = {"code": f"M{goods.id}", "parent": None, "categories": ["c2"], "values": name}
        return [root, {"code": f"M{goods.id}_a", "parent": f"M{goods.id}", "categories": ["c2"], "values": name}]

    def _product(self, goods: Goods, variant: Variant) -> dict[str, Any]:
        sku = self.item_id(goods, variant)
        parents = [] if goods.simple else [f"M{goods.id}_a", f"M{goods.id}"]
        values: dict[str, Any] = {
            "sku": [{"locale": None, "scope": None, "data": sku}],
            "name": [
                {"locale": "en_US", "scope": None, "data": "Nobody reads this"},
                {"locale": "pl_PL", "scope": None, "data": goods.title},
            ],
            "description": [
                {"locale": "pl_PL", "scope": "print", "data": "On paper"},
                {"locale": "pl_PL", "scope": "ecommerce", "data": "On the page"},
            ],
            "price": [
                {
                    "locale": None, "scope": None,
                    "data": [{"amount": "1.00", "currency": "EUR"}, {"amount": variant.price, "currency": "PLN"}],
                }
            ],
            "stock": [{"locale": None, "scope": None, "data": variant.stock}],
            "weight": [{"locale": None, "scope": None, "data": {"amount": "0.8", "unit": "KILOGRAM"}}],
            "image": [{"locale": None, "scope": None, "data": f"f/2/{goods.id}.jpg"}],
        }  # fmt: skip
        if variant.color:
            linked = {"attribute": "color", "code": "c", "labels": {"pl_PL": variant.color}}
            values["color"] = [{"locale": None, "scope": None, "data": "c", "linked_data": linked}]
        complete = self.complete.get(goods.id, 100)
        moment = datetime.fromtimestamp(goods.changed_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        return {
            "uuid": self.uuid_of(sku), "enabled": goods.published, "family": "clothing", "categories": ["c2"],
            "parent": parents[0] if parents else None, "values": values, "updated": moment, "created": moment,
            "associations": {}, "quality_scores": [], "ancestors": parents,
            "completenesses": [
                {"scope": "ecommerce", "locale": "pl_PL", "data": complete},
                {"scope": "ecommerce", "locale": "en_US", "data": 10},
            ],
        }  # fmt: skip
