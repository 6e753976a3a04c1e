"""Walks of a WooCommerce shop: currency, categories, products by id, and the variations of each variable product."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from rekindle.catalog._asking import ByKey, basic, body_of, get, objects, shop_address, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.egress.connector import SettingsError
from rekindle.egress.request import host_of

_PAGE: Final = 100
_VARIABLE: Final = frozenset({"variable", "variable-subscription"})


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> WooAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    size = settings.get("page_size", _PAGE)
    if not isinstance(size, int) or not 2 <= size <= _PAGE:
        raise SettingsError(f"woocommerce: page_size must be a number from 2 to {_PAGE}")
    address = shop_address("woocommerce", "url", str(settings.get("url", "")))
    return WooAccount(address, basic(secrets["consumer_key"], secrets["consumer_secret"]), size)


class WooAccount(ByKey):
    """One shop. ``Cursor.page`` is the offset in the list of products, which is walked in the order of ids."""

    def __init__(self, url: str, headers: Mapping[str, str], size: int) -> None:
        self._api, self._headers, self._size = f"{url}/wp-json/wc/v3", headers, size
        self.hosts = frozenset({host_of(url)})

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("currency", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        size = self._size
        match cursor.stage:
            case "currency":
                return get(self._api, "/data/currencies/current", self._headers)
            case "categories":
                query = {"per_page": _PAGE, "page": cursor.page, "orderby": "id", "order": "asc"}
                return get(self._api, "/products/categories", self._headers, query)
            case "one":
                return get(self._api, f"/products/{cursor.todo[0]}", self._headers)
            case "variations":
                query = {"per_page": _PAGE, "page": int(cursor.after or 1), "orderby": "id", "order": "asc"}
                return get(self._api, f"/products/{cursor.todo[0]}/variations", self._headers, query)
        listed: dict[str, Any] = {"per_page": size, "offset": cursor.page, "orderby": "id", "order": "asc"}
        if cursor.scope.whole:
            listed["status"] = "publish"
        else:  # what was unpublished has changed too
            since = datetime.fromtimestamp((cursor.scope.since_ms or 0) / 1000, UTC)
            listed |= {"status": "any", "modified_after": since.strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true"}
        return get(self._api, "/products", self._headers, listed)

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if cursor.stage in ("one", "variations") and answer.status == 404:
            return Read(_forward(cursor, cursor.todo[1:]), origins=cursor.todo[:1])
        if cursor.stage == "products" and answer.status == 404:
            return Trouble("broken", "there is no WooCommerce API at this address; look at url, and at the permalinks")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if cursor.stage == "currency":
            code = found.get("code") if isinstance(found, dict) else None
            if isinstance(found, Trouble):
                return found
            record = [Record("shop", "", {"currency": code})] if code else []
            return Read(Cursor("categories", scope=cursor.scope), record)
        if cursor.stage == "one":
            return self._one(cursor, found)
        listed = objects(found)
        if isinstance(listed, Trouble):
            return listed
        match cursor.stage:
            case "categories":
                return _categories(cursor, listed)
            case "variations":
                return _variations(cursor, listed)
        return self._products(cursor, listed)

    def _one(self, cursor: Cursor, found: Any) -> Read | Trouble:
        if not isinstance(found, dict) or "id" not in found:
            return found if isinstance(found, Trouble) else Trouble("broken", "WooCommerce's answer is no product")
        if found.get("type") == "variation" and found.get("parent_id"):
            parent, rest = str(found["parent_id"]), cursor.todo[1:]
            return Read(_forward(cursor, rest if parent in rest else (parent, *rest)))
        if found.get("type") in _VARIABLE:
            return Read(msgspec.structs.replace(cursor, stage="variations", after=""), [_record(found)])
        return Read(_forward(cursor, cursor.todo[1:]), [_record(found)], cursor.todo[:1])

    def _products(self, cursor: Cursor, listed: list[dict[str, Any]]) -> Read:
        """Go on by ids: a page begins with the last product of the page before, else something slipped between them."""
        last, ids = int(cursor.facts.get("last", 0)), [int(one["id"]) for one in listed]
        if cursor.page > 0 and (not ids or ids[0] > last):
            back = max(0, cursor.page - self._size + 1)
            return Read(msgspec.structs.replace(cursor, page=back))
        records = [_record(one) for one in listed]
        variable = tuple(str(one["id"]) for one in listed if one.get("type") in _VARIABLE)
        plain = tuple(str(one["id"]) for one in listed if one.get("type") not in _VARIABLE)
        more = len(ids) >= self._size
        facts = {"last": str(max(last, ids[-1])) if ids else "0", "more": "1" if more else ""}
        step = self._size - 1 if more else 0
        here = Cursor("variations", page=cursor.page + step, todo=variable, facts=facts, scope=cursor.scope)
        return Read(_forward(here, variable), records, plain)


def _categories(cursor: Cursor, listed: list[dict[str, Any]]) -> Read:
    records = [
        Record("category", str(one["id"]), {"name": one.get("name"), "parent": one.get("parent")}) for one in listed
    ]
    if len(listed) >= _PAGE:
        return Read(msgspec.structs.replace(cursor, page=cursor.page + 1), records)
    keys = cursor.scope.keys
    return Read(Cursor("one" if keys else "products", page=0, todo=keys, scope=cursor.scope), records)


def _variations(cursor: Cursor, listed: list[dict[str, Any]]) -> Read:
    parent = cursor.todo[0]
    records = [_record(one, parent) for one in listed]
    if len(listed) >= _PAGE:
        page = int(cursor.after or 1) + 1
        return Read(msgspec.structs.replace(cursor, after=str(page)), records)
    return Read(_forward(cursor, cursor.todo[1:]), records, (parent,))


def _forward(cursor: Cursor, todo: tuple[str, ...]) -> Cursor | None:
    """Return the next product's cursor, else the next page's, else the end."""
    if cursor.scope.keys:
        return msgspec.structs.replace(cursor, stage="one", todo=todo, after="") if todo else None
    if todo:
        return msgspec.structs.replace(cursor, stage="variations", todo=todo, after="")
    if cursor.facts.get("more"):
        return msgspec.structs.replace(cursor, stage="products", todo=(), after="")
    return None


def _record(found: dict[str, Any], parent: str = "") -> Record:
    """Keep a product without what only grows it: links to itself, and what its plug-ins note."""
    body = {name: value for name, value in found.items() if name not in ("_links", "meta_data", "related_ids")}
    return Record("variation" if parent else "product", str(found.get("id", "")), body, parent)
