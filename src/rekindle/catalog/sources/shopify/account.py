"""Walks of a Shopify shop.

Everything: the shop's currency, then one bulk operation (start, poll, fetch its file). Changes: the ids of changed
products, then each product with its variants, in the lines that a bulk operation would have written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from rekindle.catalog._asking import ByToken, body_of, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Scope, Trouble
from rekindle.catalog.sources.shopify import queries
from rekindle.egress.answers import masked
from rekindle.egress.connector import SettingsError

_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_VERSION: Final = re.compile(r"20\d\d-(01|04|07|10)")
_RUNNING: Final = frozenset({"CREATED", "RUNNING", "CANCELING"})
_BUSY_MS: Final = 60_000
_SLOWEST_POLL_S: Final = 15


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> ShopifyAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    shop = str(settings.get("shop", "")).removeprefix("https://").rstrip("/").lower()
    shop = shop if "." in shop else f"{shop}.myshopify.com"
    if not _SHOP.fullmatch(shop):
        raise SettingsError("shopify: shop must be the shop's own domain, such as acme.myshopify.com")
    version = str(settings.get("api_version", "2026-07"))
    if not _VERSION.fullmatch(version) or version < "2026-01":
        raise SettingsError("shopify: api_version must be a quarter's version from 2026-01, such as 2026-07")
    client = (secrets.get("client_id", ""), secrets.get("client_secret", ""))
    if bool(secrets.get("token")) == all(client):
        raise SettingsError("shopify: give token, or client_id and client_secret; one of the two")
    return ShopifyAccount(shop, version, secrets.get("token", ""), client)


class ShopifyAccount(ByToken):
    """One shop."""

    def __init__(self, shop: str, version: str, token: str, client: tuple[str, str]) -> None:
        self._shop, self._version, self._token, self._client = shop, version, token, client
        self.hosts = frozenset({shop})

    def login(self) -> Ask | None:
        """Ask for a token by client credentials, which lives a day."""
        if self._token:
            return None
        form = {"grant_type": "client_credentials", "client_id": self._client[0], "client_secret": self._client[1]}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return Ask("POST", f"https://{self._shop}/admin/oauth/access_token", headers, urlencode(form).encode())

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("shop", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        variables: dict[str, Any] = {}
        match cursor.stage:
            case "file":
                return Ask("GET", cursor.after, lines=True)
            case "shop":
                query = queries.SHOP
            case "start":
                query = queries.START
            case "poll":
                query, variables = queries.POLL, {"id": cursor.after}
            case "changed":
                since = datetime.fromtimestamp((cursor.scope.since_ms or 0) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                query = queries.CHANGED
                variables = {"after": cursor.after or None, "query": f"updated_at:>='{since}'"}
            case _ if cursor.todo[0].startswith("inventory_item:"):
                query, variables = queries.ITEM, {"id": _gid("InventoryItem", cursor.todo[0])}
            case _:
                query = queries.ONE
                variables = {"id": _gid("Product", cursor.todo[0]), "after": cursor.after or None}
        headers = {"X-Shopify-Access-Token": self._token or token, "Content-Type": "application/json"}
        body = msgspec.json.encode({"query": query, "variables": variables})
        return Ask("POST", f"https://{self._shop}/admin/api/{self._version}/graphql.json", headers, body)

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if cursor.stage == "file":
            return Read(None)
        if answer.status == 404:
            return Trouble("broken", "there is no such shop, or the API version is gone; look at shop and api_version")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        if not isinstance(found, dict) or found.get("errors"):
            return _errors(found)
        data = found.get("data")
        if not isinstance(data, dict):
            return Trouble("broken", "Shopify's answer holds no data")
        try:
            return _read(cursor, data, _short_of_points(found))
        except (KeyError, TypeError, AttributeError):
            return Trouble("broken", "Shopify's answer has another shape than its documentation says")


def _read(cursor: Cursor, data: dict[str, Any], pause_ms: int) -> Read | Trouble:
    match cursor.stage:
        case "shop":
            scope = cursor.scope
            stage = "start" if scope.whole else "one" if scope.keys else "changed"
            return Read(Cursor(stage, todo=scope.keys, scope=scope), [data["shop"]], pause_ms=pause_ms)
        case "start":
            return _started(cursor, data["bulkOperationRunQuery"])
        case "poll":
            return _polled(cursor, data["bulkOperation"])
        case "changed":
            page = data["products"]
            ids = tuple(_number(node["id"]) for node in page["nodes"])
            info = page["pageInfo"]
            more = info["endCursor"] if info["hasNextPage"] else ""
            return Read(_after_one(cursor, ids, more), pause_ms=pause_ms)
    key = cursor.todo[0]
    if key.startswith("inventory_item:"):
        item = data["inventoryItem"]
        product = item["variant"]["product"]["id"] if item and item.get("variant") else None
        rest = cursor.todo[1:]
        todo = (*rest, _number(product)) if product and _number(product) not in rest else rest
        return Read(_next(cursor, todo), pause_ms=pause_ms)
    product = data["product"]
    if product is None:
        return Read(_next(cursor, cursor.todo[1:]), origins=(key,), pause_ms=pause_ms)
    info = product["variants"]["pageInfo"]
    if info["hasNextPage"]:
        here = msgspec.structs.replace(cursor, after=info["endCursor"])
        return Read(here, _lines(product), pause_ms=pause_ms)
    return Read(_next(cursor, cursor.todo[1:]), _lines(product), (key,), pause_ms)


def _started(cursor: Cursor, found: dict[str, Any]) -> Read | Trouble:
    operation = found.get("bulkOperation")
    if operation:
        return Read(Cursor("poll", after=operation["id"], scope=cursor.scope), pause_ms=1_000)
    errors = found.get("userErrors") or []
    words = " ".join(str(error.get("message", "")) for error in errors)
    if (
        any(error.get("code") in ("OPERATION_IN_PROGRESS", "LIMIT_REACHED") for error in errors)
        or "already in" in words
    ):
        return Trouble("wait", "other bulk operations are under way in this shop", _BUSY_MS)
    return Trouble("broken", f"Shopify did not start the bulk operation: {masked(words)}")


def _polled(cursor: Cursor, operation: dict[str, Any] | None) -> Read | Trouble:
    if operation is None:
        return Trouble("restart", "Shopify does not know the bulk operation any more")
    status = operation["status"]
    if status in _RUNNING:
        count = str(operation.get("objectCount") or "")
        total = int(count) if count.isdecimal() else None
        again = msgspec.structs.replace(cursor, page=cursor.page + 1, total=total)
        return Read(again, pause_ms=1_000 * min(cursor.page, _SLOWEST_POLL_S))
    if status == "COMPLETED":
        # Without a file there was nothing to write: the shop has no products.
        url = operation.get("url")
        return Read(msgspec.structs.replace(cursor, stage="file", after=url) if url else None)
    if operation.get("errorCode") == "ACCESS_DENIED":
        return Trouble("denied", "Shopify denied access; the token needs the scopes read_products and read_inventory")
    return Trouble("restart", f"the bulk operation ended as {masked(str(status))}; what it wrote is not whole")


def _after_one(cursor: Cursor, todo: tuple[str, ...], more: str) -> Cursor | None:
    """Return the cursor that reads the products of a page of changes; ``facts`` keep where the next page begins."""
    facts = {"changed": more} if more else {}
    return _next(msgspec.structs.replace(cursor, stage="one", after="", facts=facts), todo)


def _next(cursor: Cursor, todo: tuple[str, ...]) -> Cursor | None:
    if todo:
        return msgspec.structs.replace(cursor, todo=todo, after="")
    if more := cursor.facts.get("changed"):
        return Cursor("changed", after=more, scope=cursor.scope)
    return None


def _lines(product: dict[str, Any]) -> list[Any]:
    """Return a product as the lines of a bulk operation."""
    variants, media = product.pop("variants")["nodes"], product.pop("media")["nodes"]
    children = [*(one for one in media if one), *variants]
    return [product, *({**child, "__parentId": product["id"]} for child in children)]


def _errors(found: Any) -> Trouble:
    """Read GraphQL's errors; a throttled query says what it costs (Shopify, API limits)."""
    errors = found.get("errors") if isinstance(found, dict) else None
    if not isinstance(errors, list):
        return Trouble("broken", f"Shopify: {masked(str(errors))}")
    codes = {str((error.get("extensions") or {}).get("code", "")) for error in errors if isinstance(error, dict)}
    words = masked(" ".join(str(error.get("message", "")) for error in errors if isinstance(error, dict)))
    if "THROTTLED" in codes or words == "Throttled":
        return Trouble("wait", "over the cost that Shopify allows", max(1_000, _short_of_points(found)))
    if "ACCESS_DENIED" in codes:
        return Trouble("denied", f"Shopify denied access: {words}")
    if "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
        return Trouble("again", f"Shopify: {words}")
    return Trouble("broken", f"Shopify: {words}")


def _short_of_points(found: dict[str, Any]) -> int:
    """Return the ms until as many points are there as this query asked for: the next one costs about the same."""
    try:
        cost = found["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(0, int(1_000 * missing / float(status["restoreRate"])))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0


def _gid(kind: str, key: str) -> str:
    return f"gid://shopify/{kind}/{key.rpartition(':')[2]}"


def _number(gid: str) -> str:
    return gid.rpartition("/")[2]
