"""Walks of a BaseLinker catalogue: price groups, makers, categories, pages of ids, then the data of 100 at a time.

Every call is a POST to one address; what goes wrong is told in a 200 (``status``: ``ERROR``). 100 calls a minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from rekindle.catalog._asking import ByKey, body_of, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.catalog.sources._offer import objects_in
from rekindle.egress.answers import masked
from rekindle.egress.connector import SettingsError

_PAGE: Final = 1_000
_CHUNK: Final = 100
_METHODS: Final = {
    "prices": "getInventoryPriceGroups",
    "makers": "getInventoryManufacturers",
    "categories": "getInventoryCategories",
    "ids": "getInventoryProductsList",
    "data": "getInventoryProductsData",
}


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> BaseLinkerAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    inventory = str(settings.get("inventory_id", ""))
    if not inventory.isascii() or not inventory.isdecimal():
        raise SettingsError("baselinker: inventory_id must be the catalogue's number")
    if not str(settings.get("link", "")).startswith("https://"):
        raise SettingsError("baselinker: link must be a template such as https://shop.example/p/{sku}")
    warehouses = settings.get("warehouses", [])
    if not isinstance(warehouses, list) or not all(isinstance(one, str) for one in warehouses):
        raise SettingsError('baselinker: warehouses must be a list, such as ["bl_206"]')
    return BaseLinkerAccount(int(inventory), secrets["token"], str(settings.get("price_group", "")))


class BaseLinkerAccount(ByKey):
    """One catalogue. ``Cursor.todo`` are the ids whose data is asked for before the next page of ids."""

    hosts = frozenset({"api.baselinker.com"})

    def __init__(self, inventory: int, token: str, price_group: str) -> None:
        self._inventory, self._token, self._price_group = inventory, token, price_group

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("prices", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        given: dict[str, Any] = {}
        if cursor.stage in ("categories", "ids", "data"):
            given["inventory_id"] = self._inventory
        if cursor.stage == "ids":
            given |= {"page": cursor.page, "filter_sort": "id ASC"}
        if cursor.stage == "data":
            given["products"] = [int(one) for one in cursor.todo[:_CHUNK] if one.isdecimal()]
        form = {"method": _METHODS[cursor.stage], "parameters": msgspec.json.encode(given).decode()}
        headers = {"X-BLToken": self._token, "Content-Type": "application/x-www-form-urlencoded"}
        return Ask("POST", "https://api.baselinker.com/connector.php", headers, urlencode(form).encode())

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        if not isinstance(found, dict) or found.get("status") != "SUCCESS":
            return _error(found, answer)
        match cursor.stage:
            case "prices":
                return self._prices(cursor, objects_in(found.get("price_groups")))
            case "makers":
                makers = objects_in(found.get("manufacturers"))
                records = [
                    Record("maker", str(one.get("manufacturer_id")), {"name": one.get("name")}) for one in makers
                ]
                return Read(Cursor("categories", scope=cursor.scope), records)
            case "categories":
                known = objects_in(found.get("categories"))
                records = [
                    Record(
                        "category",
                        str(one.get("category_id")),
                        {"name": one.get("name"), "parent": one.get("parent_id")},
                    )
                    for one in known
                ]
                keys = cursor.scope.keys
                return Read(Cursor("data" if keys else "ids", todo=keys, scope=cursor.scope), records)
            case "ids":
                ids = tuple(str(one) for one in found.get("products") or ())
                more = "1" if len(ids) >= _PAGE else ""
                return Read(_next(msgspec.structs.replace(cursor, page=cursor.page + 1, facts={"more": more}), ids))
        products = found.get("products")
        records = [
            Record("product", str(key), body)
            for key, body in (products.items() if isinstance(products, dict) else ())
            if isinstance(body, dict)
        ]
        return Read(_next(cursor, cursor.todo[_CHUNK:]), records, cursor.todo[:_CHUNK])

    def _prices(self, cursor: Cursor, groups: list[dict[str, Any]]) -> Read | Trouble:
        chosen = next(
            (
                one
                for one in groups
                if (str(one.get("price_group_id")) == self._price_group if self._price_group else one.get("is_default"))
            ),
            None,
        )
        if chosen is None:
            return Trouble("broken", "the account has no such price group; look at price_group")
        facts = {"currency": chosen.get("currency"), "price_group": chosen.get("price_group_id")}
        return Read(Cursor("makers", scope=cursor.scope), [Record("shop", "", facts)])


def _next(cursor: Cursor, todo: tuple[str, ...]) -> Cursor | None:
    if todo:
        return msgspec.structs.replace(cursor, stage="data", todo=todo)
    if cursor.facts.get("more"):
        return msgspec.structs.replace(cursor, stage="ids", todo=())
    return None


def _error(found: Any, answer: Answer) -> Trouble:
    code = str(found.get("error_code", "")) if isinstance(found, dict) else ""
    words = str(found.get("error_message", "")) if isinstance(found, dict) else ""
    if "limit exceeded" in words.lower():
        until = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", words)
        return Trouble("wait", "over BaseLinker's quota", _wait(until[0] if until else "", answer))
    if "TOKEN" in code or "AUTH" in code:
        return Trouble("denied", f"BaseLinker refused the token ({masked(code)})")
    return Trouble("broken", f"BaseLinker: {masked(f'{code} {words}')}")


def _wait(until: str, answer: Answer) -> int:
    """Return the ms to wait: a minute, or until the time in the message when the answer says what time it is."""
    from email.utils import parsedate_to_datetime

    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
        end = datetime.strptime(until, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return min(3_600_000, max(60_000, int((end - now).total_seconds() * 1000)))
    except (ValueError, TypeError):
        return 60_000
