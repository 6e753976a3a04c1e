"""Walks of a PrestaShop shop: currency, categories, options, stock, products and combinations, by ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rekindle.catalog._asking import ByKey, basic, body_of, get, shop_address, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.catalog.sources._offer import objects_in
from rekindle.egress.connector import SettingsError
from rekindle.egress.request import host_of

_PAGE: Final = 200
_ORDER: Final = (
    "categories",
    "product_options",
    "product_option_values",
    "stock_availables",
    "products",
    "combinations",
)
_FIELDS: Final = {
    "categories": "[id,name,id_parent,level_depth]",
    "product_options": "[id,name]",
    "product_option_values": "[id,id_attribute_group,name]",
    "stock_availables": "[id,id_product,id_product_attribute,quantity,out_of_stock]",
}
_OF_PRODUCT: Final = {"stock_availables": "id_product", "products": "id", "combinations": "id_product"}
_PRICES: Final = {
    "price[with_tax][use_tax]": 1,
    "price[with_tax][use_reduction]": 0,
    "price[with_tax][decimals]": 2,
    "price[to_pay][use_tax]": 1,
    "price[to_pay][decimals]": 2,  # otherwise as many as the number of the shop's way of rounding
}


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> PrestaShopAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    language = settings.get("language", 1)
    if not isinstance(language, int) or language < 1:
        raise SettingsError("prestashop: language must be the number of a language, such as 1")
    address = shop_address("prestashop", "url", str(settings.get("url", "")))
    return PrestaShopAccount(address, basic(secrets["key"], ""), language)


class PrestaShopAccount(ByKey):
    """One shop. ``Cursor.after`` is the last id seen of what is listed."""

    def __init__(self, url: str, headers: Mapping[str, str], language: int) -> None:
        self._url, self._headers, self._language = url, headers, language
        self.hosts = frozenset({host_of(url)})

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("configurations", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        query: dict[str, Any] = {"output_format": "JSON", "language": self._language}
        if cursor.stage == "configurations":
            query |= {"display": "[name,value]", "filter[name]": "[PS_CURRENCY_DEFAULT|PS_ORDER_OUT_OF_STOCK]"}
        elif cursor.stage == "currencies":
            query |= {"display": "[id,iso_code]", "filter[id]": f"[{cursor.after}]"}
        else:
            # One above the last, because a filter is a closed range (web service, "Search by interval").
            query |= {"display": _FIELDS.get(cursor.stage, "full"), "sort": "[id_ASC]", "limit": _PAGE}
            query["filter[id]"] = f"[{int(cursor.after or 0) + 1},9999999999]"
            if cursor.stage in ("products", "combinations"):
                query |= _PRICES
            if cursor.scope.keys and (name := _OF_PRODUCT.get(cursor.stage)):
                wanted = [key for key in cursor.scope.keys if key.isdecimal()]
                if name == "id":
                    wanted = [key for key in wanted if int(key) > int(cursor.after or 0)] or ["0"]
                query[f"filter[{name}]"] = f"[{'|'.join(wanted)}]"
        return get(self._url, f"/api/{cursor.stage}", self._headers, query)

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if answer.status == 404 and cursor.stage == "configurations":
            return Trouble(
                "broken", "there is no web service at this address; look at url, and whether it is switched on"
            )
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        # A list without entries is written as one, not as an object with a list.
        listed = objects_in(found.get(cursor.stage)) if isinstance(found, dict) else []
        if cursor.stage == "configurations":
            told = {str(one.get("name")): str(one.get("value") or "") for one in listed}
            facts = {"backorders": told.get("PS_ORDER_OUT_OF_STOCK", "")}
            currency = told.get("PS_CURRENCY_DEFAULT") or "1"
            return Read(Cursor("currencies", after=currency, facts=facts, scope=cursor.scope))
        if cursor.stage == "currencies":
            code = listed[0].get("iso_code") if listed else None
            return Read(Cursor(_ORDER[0], scope=cursor.scope), [Record("shop", "", {"currency": code, **cursor.facts})])
        records = [_record(cursor.stage, one) for one in listed]
        if len(listed) >= _PAGE:
            last = max(int(str(one.get("id"))) for one in listed)
            return Read(msgspec.structs.replace(cursor, after=str(last)), records)
        place = _ORDER.index(cursor.stage) + 1
        if place < len(_ORDER):
            return Read(Cursor(_ORDER[place], scope=cursor.scope), records)
        return Read(None, records, cursor.scope.keys)


def _record(stage: str, one: dict[str, Any]) -> Record:
    if stage == "categories":
        # The first two levels are the root and the shop's home, which belong to no way.
        shown = int(str(one.get("level_depth") or 2)) >= 2
        return Record(
            "category" if shown else "root", str(one["id"]), {"name": one.get("name"), "parent": one.get("id_parent")}
        )
    if stage == "stock_availables":
        return Record("stock", f"{one.get('id_product')}-{one.get('id_product_attribute')}", one)
    return Record(stage, str(one["id"]), one)
