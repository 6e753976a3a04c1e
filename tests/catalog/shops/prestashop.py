"""PrestaShop 8's web service, as https://devdocs.prestashop-project.org/8/webservice describes it.

HTTP Basic with the key as user; ``output_format=JSON``; ``display``, ``sort``, ``limit`` and ``filter[field]`` with an
interval ``[1,10]`` or values ``[1|2]``; an empty result is a list instead of an object; calculated prices by
``price[name][…]``; numbers are text.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import CATEGORIES, Goods, Shop, Variant, asked, reply


class PrestaShop(Shop):
    kind = "prestashop"
    secrets: ClassVar = {"key": "PSKEY1"}
    options: ClassVar = {"url": "https://presta.example"}

    backorders = "0"

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return str(goods.id) if goods.simple else f"{goods.id}-{variant.id}"

    def allows(self, request: OutRequest) -> bool:
        return request.headers.get("Authorization") == "Basic " + base64.b64encode(b"PSKEY1:").decode()

    def answer(self, request: OutRequest) -> Answer:
        path, query = asked(request)
        assert query["output_format"] == "JSON"
        name = path.removeprefix("/api/")
        goods = list(self.goods.values())
        varied = [(one, variant) for one in goods if not one.simple for variant in one.variants]
        found: list[dict[str, Any]]
        match name:
            case "configurations":
                found = [{"id": 5, "name": "PS_CURRENCY_DEFAULT", "value": "1"}]
                found.append({"id": 6, "name": "PS_ORDER_OUT_OF_STOCK", "value": self.backorders})
                return reply({name: found})
            case "currencies":
                found = [{"id": 1, "iso_code": self.currency}, {"id": 2, "iso_code": "EUR"}]
            case "categories":
                ways = [(1, "Root", 0, 0), (2, "Home", 1, 1)]
                ways += [(i + 2, n, (parent or 0) + 2, 2 + bool(parent)) for i, (n, parent) in CATEGORIES.items()]
                found = [{"id": i, "name": n, "id_parent": str(p), "level_depth": str(d)} for i, n, p, d in ways]
            case "product_options":
                found = [{"id": 3, "name": "Color"}]
            case "product_option_values":
                found = [{"id": n, "id_attribute_group": "3", "name": f"colour {n}"} for n in range(1, 9)]
            case "stock_availables":
                found = [self._stock(one.id, 0, sum(v.stock for v in one.variants)) for one in goods]
                found += [self._stock(one.id, variant.id, variant.stock) for one, variant in varied]
            case "products":
                assert query["price[to_pay][use_tax]"] == query["price[with_tax][use_tax]"] == "1"
                assert query["price[to_pay][decimals]"] == query["price[with_tax][decimals]"] == "2"
                found = [self._product(one) for one in goods]
            case "combinations":
                found = [self._combination(one, variant) for one, variant in varied]
            case _:
                return reply({"errors": [{"code": 404}]}, 404)
        for key in [one for one in query if one.startswith("filter[")]:
            field, wanted = key[7:-1], query[key].strip("[]")
            if "," in wanted:
                low, high = map(int, wanted.split(","))
                found = [one for one in found if low <= int(one[field]) <= high]
            else:
                found = [one for one in found if str(one[field]) in wanted.split("|")]
        found.sort(key=lambda one: int(one["id"]))
        found = found[: int(query.get("limit", "1000"))]
        return reply({name: found} if found else [])

    def _stock(self, product: int, combination: int, quantity: int) -> dict[str, Any]:
        return {
            "id": combination or product + 500_000, "id_product": str(product), "id_product_attribute": str(combination),
            "quantity": str(quantity), "out_of_stock": "2",
        }  # fmt: skip

    def _product(self, goods: Goods) -> dict[str, Any]:
        price = goods.variants[0].price
        return {
            "id": goods.id, "name": goods.title, "description": "<p>Good.</p>", "description_short": "", "active":
            "1" if goods.published else "0", "available_for_order": "1", "reference": f"S{goods.id}", "ean13": "", "mpn": "",
            "condition": "new", "id_category_default": "4", "manufacturer_name": "Acme", "link_rewrite": f"p-{goods.id}",
            "id_default_image": str(goods.id), "price": "1.000000", "with_tax": f"{price}0000", "to_pay": f"{price}0000",
            "associations": {"images": [{"id": str(goods.id)}, {"id": str(goods.id + 1)}]},
        }  # fmt: skip

    def _combination(self, goods: Goods, variant: Variant) -> dict[str, Any]:
        value = variant.color.split()[-1]
        return {
            "id": variant.id, "id_product": str(goods.id), "reference": f"S{variant.id}", "ean13": "", "mpn": "",
            "price": "0.000000", "with_tax": f"{variant.price}0000", "to_pay": f"{variant.price}0000",
            "associations": {"product_option_values": [{"id": value}], "images": [{"id": str(variant.id)}]},
        }  # fmt: skip
