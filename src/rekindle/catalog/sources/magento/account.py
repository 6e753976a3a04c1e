"""Walks of a Magento shop: the store view, labels of attributes, categories, stock, then products by entity id.

Products are asked for by ``entity_id`` above the last one and never by page, because a page past the end would give
the last page once more. A simple product and the configurable one that it belongs to are two products here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from rekindle.catalog._asking import ByKey, bearer, body_of, get, objects, shop_address, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.catalog.sources._offer import objects_in
from rekindle.egress.connector import SettingsError
from rekindle.egress.request import host_of

_PAGE: Final = 100
_STOCK_PAGE: Final = 1_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> MagentoAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    store, attributes = settings.get("store", "default"), settings.get("attributes", ["color", "size", "manufacturer"])
    if not isinstance(store, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", store):
        raise SettingsError("magento: store must be the code of a store view, such as default")
    if not isinstance(attributes, list) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in attributes):
        raise SettingsError('magento: attributes must be a list of attribute codes, such as ["color", "size"]')
    address = shop_address("magento", "url", str(settings.get("url", "")))
    return MagentoAccount(address, store, secrets["token"], tuple(attributes))


class MagentoAccount(ByKey):
    """One store view."""

    def __init__(self, url: str, store: str, token: str, attributes: tuple[str, ...]) -> None:
        self._api, self._store, self._attributes = f"{url}/rest/{store}/V1", store, attributes
        self._headers = bearer(token)
        self.hosts = frozenset({host_of(url)})

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("store", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        match cursor.stage:
            case "store":
                return get(self._api, "/store/storeConfigs", self._headers)
            case "labels":
                return get(self._api, f"/products/attributes/{cursor.todo[0]}", self._headers)
            case "categories":
                return get(self._api, "/categories", self._headers)
            case "stock":
                some = [("sku", "in", ",".join(cursor.todo[:_PAGE]))] if cursor.todo else []
                query = _criteria(some, "sku", _STOCK_PAGE, cursor.page)
                return get(self._api, "/inventory/source-items", self._headers, query)
        keys = cursor.scope.keys
        filters = (
            [("entity_id", "in", ",".join(cursor.todo[:_PAGE]))] if keys else [("entity_id", "gt", cursor.after or "0")]
        )
        return get(self._api, "/products", self._headers, _criteria(filters, "entity_id", _PAGE, 1))

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        missing = answer.status in (400, 404)
        if missing and cursor.stage == "store":
            return Trouble("broken", "there is no Magento API for this store view; look at url and store")
        if missing and cursor.stage == "labels":
            return Read(self._forward(cursor, cursor.todo[1:]))  # this shop has no such attribute
        if missing and cursor.stage == "stock":
            return Read(_after_stock(cursor))  # without Inventory Management the stock is in the product
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        match cursor.stage:
            case "store":
                return self._configured(cursor, found)
            case "labels":
                options = {str(one.get("value")): one.get("label") for one in objects_in(found.get("options"))}
                record = Record("labels", cursor.todo[0], options)
                return Read(self._forward(cursor, cursor.todo[1:]), [record])
            case "categories":
                stage = "products" if cursor.scope.keys else "stock"
                return Read(Cursor(stage, todo=cursor.scope.keys, scope=cursor.scope), list(_categories(found, "")))
        listed = objects(found.get("items") if isinstance(found, dict) else None)
        if isinstance(listed, Trouble):
            return listed
        if cursor.stage == "stock":
            records = [Record("stock", f"{one.get('sku')}\n{one.get('source_code')}", one) for one in listed]
            seen = (cursor.page - 1) * _STOCK_PAGE + len(listed)
            more = listed and seen < int(found.get("total_count") or 0)
            return Read(
                msgspec.structs.replace(cursor, page=cursor.page + 1) if more else _after_stock(cursor), records
            )
        return _products(cursor, listed)

    def _configured(self, cursor: Cursor, found: Any) -> Read | Trouble:
        listed = objects(found)
        if isinstance(listed, Trouble):
            return listed
        mine = next((one for one in listed if one.get("code") == self._store), None)
        if mine is None:
            return Trouble("broken", "the shop has no such store view; look at store")
        facts = {
            # Prices are stored in the base currency; the one that is displayed is reckoned from it in the shop.
            "currency": mine.get("base_currency_code") or mine.get("default_display_currency_code"),
            "timezone": mine.get("timezone"),
            "link": mine.get("secure_base_link_url") or mine.get("secure_base_url") or mine.get("base_link_url"),
            "media": mine.get("secure_base_media_url") or mine.get("base_media_url"),
        }
        return Read(self._forward(Cursor("labels", scope=cursor.scope), self._attributes), [Record("shop", "", facts)])

    def _forward(self, cursor: Cursor, todo: tuple[str, ...]) -> Cursor:
        if todo:
            return msgspec.structs.replace(cursor, todo=todo)
        return Cursor("categories", scope=cursor.scope)


def _after_stock(cursor: Cursor) -> Cursor | None:
    """Return the products' cursor; of single products the stock comes last, when their numbers are known."""
    if not cursor.scope.keys:
        return Cursor("products", scope=cursor.scope)
    rest = cursor.todo[_PAGE:]
    return Cursor("stock", todo=rest, scope=cursor.scope) if rest else None


def _products(cursor: Cursor, listed: list[dict[str, Any]]) -> Read:
    records = [Record("product", str(one.get("id")), one) for one in listed]
    if not cursor.scope.keys:
        ids = tuple(record.id for record in records)
        more = len(listed) >= _PAGE
        return Read(msgspec.structs.replace(cursor, after=ids[-1]) if more else None, records, ids)
    children = [child for one in listed for child in links_of(one)]
    asked, rest = cursor.todo[:_PAGE], cursor.todo[_PAGE:]
    todo = (*rest, *(child for child in children if child not in rest and child not in asked))
    skus = cursor.facts.get("skus", "").split("\n") if cursor.facts else []
    skus += [str(one.get("sku")) for one in listed]
    if todo:
        return Read(msgspec.structs.replace(cursor, todo=todo, facts={"skus": "\n".join(skus)}), records, asked)
    return Read(Cursor("stock", todo=tuple(skus), scope=cursor.scope) if skus else None, records, asked)


def links_of(product: Mapping[str, Any]) -> list[str]:
    """Return the entity ids of a configurable product's variants."""
    more = product.get("extension_attributes")
    found = more.get("configurable_product_links") if isinstance(more, dict) else None
    return [str(one) for one in found] if isinstance(found, list) else []


def _categories(node: Any, parent: str) -> Iterator[Record]:
    """Yield the tree's categories; the root and the store's root are not part of a way."""
    if not isinstance(node, dict):
        return
    key, level = str(node.get("id")), node.get("level")
    shown = not isinstance(level, int) or level >= 2
    if shown:
        yield Record("category", key, {"name": node.get("name"), "parent": parent})
    for child in objects_in(node.get("children_data")):
        yield from _categories(child, key if shown else "")


def _criteria(filters: list[tuple[str, str, str]], order: str, size: int, page: int) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for number, (field, condition, value) in enumerate(filters):
        at = f"searchCriteria[filterGroups][{number}][filters][0]"
        query |= {f"{at}[field]": field, f"{at}[conditionType]": condition, f"{at}[value]": value}
    query |= {"searchCriteria[sortOrders][0][field]": order, "searchCriteria[sortOrders][0][direction]": "ASC"}
    return query | {"searchCriteria[pageSize]": size, "searchCriteria[currentPage]": page}
