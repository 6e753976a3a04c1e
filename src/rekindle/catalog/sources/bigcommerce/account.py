"""Walks of a BigCommerce shop: the store, brands, categories, then products with variants in the order of ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from rekindle.catalog._asking import ByKey, body_of, get, objects, usual, whole_number
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.egress.connector import SettingsError

_API: Final = "https://api.bigcommerce.com/stores"
_PAGE: Final = 250
_KEYS: Final = 50


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> BigCommerceAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    store = str(settings.get("store_hash", ""))
    if not re.fullmatch(r"[a-z0-9]{3,20}", store):
        raise SettingsError("bigcommerce: store_hash must be the store's hash, such as abc123def")
    return BigCommerceAccount(store, secrets["token"])


class BigCommerceAccount(ByKey):
    """One shop."""

    hosts = frozenset({"api.bigcommerce.com"})

    def __init__(self, store: str, token: str) -> None:
        self._store, self._headers = store, {"X-Auth-Token": token}

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("store", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        base, query = f"{_API}/{self._store}", dict[str, Any]()
        match cursor.stage:
            case "store":
                return get(base, "/v2/store", self._headers)
            case "brands" | "categories":
                query = {"limit": _PAGE, "page": cursor.page}
                return get(base, f"/v3/catalog/{cursor.stage}", self._headers, query)
        query = {"include": "variants,images", "sort": "id", "direction": "asc", "limit": _PAGE}
        if cursor.scope.keys:
            query["id:in"] = ",".join(cursor.todo[:_KEYS])
        else:
            query["id:greater"] = cursor.after or "0"
        if cursor.scope.since_ms is not None:
            since = datetime.fromtimestamp(cursor.scope.since_ms / 1000, UTC)
            query["date_modified:min"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        return get(base, "/v3/catalog/products", self._headers, query)

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if answer.status == 429:
            reset = whole_number(answer.headers.get("x-rate-limit-time-reset-ms"))
            return Trouble("wait", "over BigCommerce's quota", reset or 5_000)
        if answer.status == 404 and cursor.stage == "store":
            return Trouble("broken", "there is no such store; look at store_hash")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        left = whole_number(answer.headers.get("x-rate-limit-requests-left"))
        pause = whole_number(answer.headers.get("x-rate-limit-time-reset-ms")) or 0 if left == 0 else 0
        read = _read(cursor, found)
        return msgspec.structs.replace(read, pause_ms=pause) if isinstance(read, Read) else read


def _read(cursor: Cursor, found: Any) -> Read | Trouble:
    if not isinstance(found, dict):
        return Trouble("broken", "BigCommerce's answer has another shape than its documentation says")
    if cursor.stage == "store":
        facts = {"currency": found.get("currency"), "url": found.get("secure_url") or found.get("secure_URL")}
        return Read(Cursor("brands", scope=cursor.scope), [Record("shop", "", facts)])
    listed = objects(found.get("data"))
    if isinstance(listed, Trouble):
        return listed
    if cursor.stage != "products":
        kind = "brand" if cursor.stage == "brands" else "category"
        records = [
            Record(kind, str(one["id"]), {"name": one.get("name"), "parent": one.get("parent_id")}) for one in listed
        ]
        if len(listed) >= _PAGE:
            return Read(msgspec.structs.replace(cursor, page=cursor.page + 1), records)
        following = "categories" if kind == "brand" else "products"
        return Read(Cursor(following, todo=cursor.scope.keys, scope=cursor.scope), records)
    records = [Record("product", str(one["id"]), one) for one in listed]
    if cursor.scope.keys:
        rest = cursor.todo[_KEYS:]
        return Read(msgspec.structs.replace(cursor, todo=rest) if rest else None, records, cursor.todo[:_KEYS])
    ids = tuple(record.id for record in records)
    more = len(listed) >= _PAGE
    return Read(msgspec.structs.replace(cursor, after=ids[-1]) if more else None, records, ids)
