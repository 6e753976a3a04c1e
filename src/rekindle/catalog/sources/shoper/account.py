"""Walks of a Shoper shop: makers, categories, options, products and then variants, each in the order of ids.

Of single products the options come last, when it is known which of them are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rekindle.catalog._asking import ByToken, basic, bearer, body_of, get, objects, shop_address, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.catalog.sources._offer import objects_in
from rekindle.egress.request import host_of

_PAGE: Final = 50
_LISTS: Final = ("producers", "categories")
_GOODS: Final = ("products", "product-stocks")
_OPTIONS: Final = ("options", "option-values")
_KEY: Final = {
    "producers": "producer_id",
    "categories": "category_id",
    "products": "product_id",
    "product-stocks": "stock_id",
    "options": "option_id",
    "option-values": "ovalue_id",
}


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> ShoperAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    address = shop_address("shoper", "url", str(settings.get("url", "")))
    return ShoperAccount(address, basic(secrets["login"], secrets["password"]))


class ShoperAccount(ByToken):
    """One shop. ``Cursor.after`` is the last id seen; ``todo`` are the products of a scope of keys."""

    def __init__(self, url: str, login: Mapping[str, str]) -> None:
        self._api, self._login = f"{url}/webapi/rest", login
        self.hosts = frozenset({host_of(url)})

    def login(self) -> Ask | None:
        """Ask for a token with the API user's login."""
        return Ask("POST", f"{self._api}/auth", {"Accept": "application/json", **self._login})

    def begin(self, scope: Scope) -> Cursor:
        return Cursor(_LISTS[0], scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        name, keys = _KEY[cursor.stage], cursor.scope.keys
        filters: dict[str, Any] = {name: {">": cursor.after or "0"}}
        page = 1
        if cursor.stage == "product-stocks":
            filters["extended"] = "1"
            if keys:
                filters["product_id"] = {"IN": list(keys)}
        elif keys and cursor.stage in ("products", *_OPTIONS):
            # The thing's own id is one filter, so a page of keys has no second condition on it.
            wanted = keys if cursor.stage == "products" else _wanted(cursor)
            filters, page = {name: {"IN": list(wanted)}}, cursor.page
        query = {"limit": _PAGE, "page": page, "order": f"{name} ASC", "filters": msgspec.json.encode(filters).decode()}
        return get(self._api, f"/{cursor.stage}", bearer(token), query)

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if answer.status == 404:
            return Trouble("broken", "there is no Shoper API at this address; look at url")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        listed = (
            found if isinstance(found, Trouble) else objects(found.get("list") if isinstance(found, dict) else None)
        )
        if isinstance(listed, Trouble):
            return listed
        records = [Record(cursor.stage, str(one.get(_KEY[cursor.stage])), one) for one in listed]
        facts = _used(cursor.facts, listed) if cursor.stage == "product-stocks" and cursor.scope.keys else cursor.facts
        if len(listed) >= _PAGE:
            after = msgspec.structs.replace(cursor, after=records[-1].id, page=cursor.page + 1, facts=facts)
            return Read(after, records)
        following = _following(cursor.stage, facts, whole=not cursor.scope.keys)
        if following is None:
            return Read(None, records, cursor.scope.keys)
        return Read(Cursor(following, facts=facts, scope=cursor.scope), records)


def _following(stage: str, facts: Mapping[str, str], *, whole: bool) -> str | None:
    """Return the stage after this one; of single products only the options that they use are asked for."""
    order = (*_LISTS, *_OPTIONS, *_GOODS) if whole else (*_LISTS, *_GOODS, *_OPTIONS)
    for name in order[order.index(stage) + 1 :]:
        if whole or name not in _OPTIONS or facts.get(name):
            return name
    return None


def _used(facts: Mapping[str, str], stocks: list[dict[str, Any]]) -> dict[str, str]:
    """Return the options and values that variants name, with those that are known."""
    found = {name: dict.fromkeys(facts.get(name, "").split()) for name in _OPTIONS}
    for stock in stocks:
        for option in objects_in(stock.get("options")):
            found["options"][str(option.get("option_id"))] = None
            found["option-values"][str(option.get("value_id"))] = None
    return {name: " ".join(ids) for name, ids in found.items()}


def _wanted(cursor: Cursor) -> list[str]:
    return cursor.facts.get(cursor.stage, "").split()
