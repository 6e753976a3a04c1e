"""Walks of a Shoper shop: makers, categories, products and then variants, each in the order of ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rekindle.catalog._asking import basic, bearer, body_of, get, objects, shop_address, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.egress.request import host_of

_PAGE: Final = 50
_ORDER: Final = ("producers", "categories", "products", "product-stocks")
_KEY: Final = {
    "producers": "producer_id",
    "categories": "category_id",
    "products": "product_id",
    "product-stocks": "stock_id",
}


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> ShoperAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    address = shop_address("shoper", "url", str(settings.get("url", "")))
    return ShoperAccount(address, basic(secrets["login"], secrets["password"]))


class ShoperAccount:
    """One shop. ``Cursor.after`` is the last id seen; ``todo`` are the products of a scope of keys."""

    def __init__(self, url: str, login: Mapping[str, str]) -> None:
        self._api, self._login = f"{url}/webapi/rest", login
        self.hosts = frozenset({host_of(url)})

    def login(self) -> Ask | None:
        """Ask for a token with the API user's login."""
        return Ask("POST", f"{self._api}/auth", {"Accept": "application/json", **self._login})

    def token(self, answer: Answer) -> str | Trouble:
        if answer.status == 400:
            return Trouble("denied", "Shoper refused login and password")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        token = found.get("access_token") if isinstance(found, dict) else None
        return token if isinstance(token, str) and token else Trouble("broken", "Shoper's answer holds no token")

    def begin(self, scope: Scope) -> Cursor:
        return Cursor(_ORDER[0], scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        name = _KEY[cursor.stage]
        filters: dict[str, Any] = {name: {">": cursor.after or "0"}}
        if cursor.stage == "product-stocks":
            filters["extended"] = "1"
        if cursor.scope.keys and cursor.stage in ("products", "product-stocks"):
            wanted = {"IN": list(cursor.scope.keys)}
            # The product's own id is one filter, so a page of keys has no second condition on it.
            filters = {"product_id": wanted} if cursor.stage == "products" else {**filters, "product_id": wanted}
        page = cursor.page if cursor.scope.keys and cursor.stage == "products" else 1
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
        name = _KEY[cursor.stage]
        records = [Record(cursor.stage, str(one.get(name)), one) for one in listed]
        if len(listed) >= _PAGE:
            return Read(msgspec.structs.replace(cursor, after=records[-1].id, page=cursor.page + 1), records)
        place = _ORDER.index(cursor.stage) + 1
        if place < len(_ORDER):
            return Read(Cursor(_ORDER[place], scope=cursor.scope), records)
        return Read(None, records, cursor.scope.keys)
