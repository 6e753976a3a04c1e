"""Walks of an Akeneo PIM: the channel, categories, product models, then products by the PIM's own cursor.

A whole walk reads every model first. A walk of some products asks for the models of each page behind it, because the
root of a family of variants is what groups them. A key is a product's uuid, an identifier, or ``model:`` and a code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from rekindle.catalog._asking import ByToken, basic, bearer, body_of, get, objects, shop_address, usual
from rekindle.catalog.account import Answer, Ask, Cursor, Read, Record, Scope, Trouble
from rekindle.egress.connector import SettingsError
from rekindle.egress.request import host_of

_PAGE: Final = 100
_KEYS: Final = 50
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_NOISE: Final = frozenset({"_links", "associations", "quantified_associations", "quality_scores", "metadata", "groups"})


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What of the PIM is read."""

    channel: str
    locale: str
    currency: str = ""
    identifier: str = "sku"
    endpoint: str = "products-uuid"
    asset_links: bool = False
    time_zone: str = "UTC"


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> AkeneoAccount:
    """Check settings and secrets. Raises `SettingsError`."""
    address = shop_address("akeneo", "url", str(settings.get("url", "")))
    known = {name: value for name, value in settings.items() if name in Reading.__struct_fields__}
    try:
        reading = msgspec.convert(known, Reading)
    except msgspec.ValidationError as error:
        raise SettingsError(f"akeneo: {error}") from None
    for name in ("channel", "locale", "identifier"):
        if not _CODE.fullmatch(getattr(reading, name)):
            raise SettingsError(f"akeneo: {name} must be a code, of letters, digits and underscores")
    if reading.endpoint not in ("products-uuid", "products"):
        raise SettingsError("akeneo: endpoint must be products-uuid or products")
    try:
        zone = ZoneInfo(reading.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError("akeneo: time_zone must be the name of a time zone, such as Europe/Warsaw") from None
    return AkeneoAccount(address, reading, secrets, zone)


class AkeneoAccount(ByToken):
    """One channel and locale. ``Cursor.after`` is the PIM's cursor; ``facts`` hold models to ask for, and the way back."""

    refused: ClassVar = frozenset({400, 422})

    def __init__(self, url: str, reading: Reading, secrets: Mapping[str, str], zone: ZoneInfo) -> None:
        self._url, self._api, self._reading, self._zone = url, f"{url}/api/rest/v1", reading, zone
        self._client = basic(secrets["client_id"], secrets["client_secret"])
        self._user = {"username": secrets["username"], "password": secrets["password"]}
        self.hosts = frozenset({host_of(url)})

    def login(self) -> Ask | None:
        """Ask for a token, which lives an hour, with the connection's client and user."""
        headers = {"Accept": "application/json", "Content-Type": "application/json", **self._client}
        body = msgspec.json.encode({"grant_type": "password", **self._user})
        return Ask("POST", f"{self._url}/api/oauth/v1/token", headers, body)

    def begin(self, scope: Scope) -> Cursor:
        return Cursor("channel", scope=scope)

    def ask(self, cursor: Cursor, token: str) -> Ask:
        reading, headers = self._reading, bearer(token)
        listed: dict[str, Any] = {"pagination_type": "search_after", "limit": _PAGE}
        if cursor.after:
            listed["search_after"] = cursor.after
        values = {"scope": reading.channel, "locales": reading.locale}
        match cursor.stage:
            case "channel":
                return get(self._api, f"/channels/{reading.channel}", headers)
            case "categories":
                return get(self._api, "/categories", headers, {"limit": _PAGE, "page": cursor.page})
            case "models":
                return get(self._api, "/product-models", headers, listed | values)
            case "parents":
                search = _search("identifier", "IN", _parents(cursor)[:_KEYS])
                return get(self._api, "/product-models", headers, {"limit": _PAGE, **values, "search": search})
        listed |= values | {
            "with_attribute_options": "true",
            "with_completenesses": "true",
            "search": self._what(cursor),
        }
        if reading.asset_links:
            listed["with_asset_share_links"] = "true"
        return get(self._api, f"/{reading.endpoint}", headers, listed)

    def _what(self, cursor: Cursor) -> str:
        if cursor.todo:
            some = _some(cursor.todo)
            if some[0].startswith("model:"):
                return _search("parent", "=", some[0].removeprefix("model:"))
            return _search("uuid" if _UUID.fullmatch(some[0]) else self._reading.identifier, "IN", some)
        if cursor.scope.whole:
            return _search("enabled", "=", True)
        # Moments are read in the time zone of the PIM's server (filters, "On their creation or update date").
        since = datetime.fromtimestamp((cursor.scope.since_ms or 0) / 1000, self._zone)
        return _search("updated", ">", f"{since:%Y-%m-%d %H:%M:%S}")

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        if answer.status == 404 and cursor.stage == "channel":
            return Trouble("broken", "there is no such channel, or no Akeneo at this address; look at url and channel")
        if answer.status == 422 and cursor.after:
            return Trouble("restart", "Akeneo does not know the place of the walk any more")
        if answer.status == 422:
            return Trouble("broken", "Akeneo does not take the question; look at locale, identifier and endpoint")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        if not isinstance(found, dict):
            return Trouble("broken", "Akeneo's answer has another shape than its documentation says")
        if cursor.stage == "channel":
            return self._channel(cursor, found)
        listed = objects((found.get("_embedded") or {}).get("items"))
        if isinstance(listed, Trouble):
            return listed
        match cursor.stage:
            case "categories":
                records = [_category(one, self._reading.locale) for one in listed]
                if page := _next(found, "page"):
                    return Read(msgspec.structs.replace(cursor, page=int(page)), records)
                stage = "models" if cursor.scope.whole else "products"
                return Read(Cursor(stage, todo=cursor.scope.keys, scope=cursor.scope), records)
            case "models":
                after = _next(found, "search_after")
                stage = cursor.stage if after else "products"
                return Read(Cursor(stage, after=after, scope=cursor.scope), [_model(one) for one in listed])
            case "parents":
                return _found_parents(cursor, listed)
        return self._products(cursor, listed, _next(found, "search_after"))

    def _channel(self, cursor: Cursor, found: Mapping[str, Any]) -> Read | Trouble:
        currencies, locales = found.get("currencies") or [], found.get("locales") or []
        currency = self._reading.currency or (currencies[0] if currencies else "")
        if currency not in currencies:
            return Trouble(
                "broken", f"the channel has the currencies {', '.join(map(str, currencies))}; look at currency"
            )
        if self._reading.locale not in locales:
            return Trouble("broken", f"the channel has the locales {', '.join(map(str, locales))}; look at locale")
        facts = {"currency": currency, "channel": self._reading.channel, "locale": self._reading.locale}
        return Read(Cursor("categories", scope=cursor.scope), [Record("shop", "", facts)])

    def _products(self, cursor: Cursor, listed: list[dict[str, Any]], after: str) -> Read:
        key = "uuid" if self._reading.endpoint == "products-uuid" else "identifier"
        records = [Record("product", str(one.get(key)), _without_noise(one)) for one in listed]
        here = msgspec.structs.replace(cursor, after=after)
        if cursor.scope.whole:
            return Read(here if after else None, records)
        origins: tuple[str, ...] = ()
        if cursor.todo:
            asked = _some(cursor.todo)
            if not after:
                origins, here = asked, msgspec.structs.replace(here, todo=cursor.todo[len(asked) :])
            end = not after and not here.todo
        else:  # a variant tells about itself only, and not which of its model's others are gone
            origins = tuple(record.id for record in records if not record.body.get("parent"))
            end = not after
        parents = dict.fromkeys(str(one["parent"]) for one in listed if one.get("parent"))
        if parents:
            facts = {"parents": "\n".join(parents), "end": "1" if end else ""}
            return Read(msgspec.structs.replace(here, stage="parents", facts=facts), records, origins)
        return Read(None if end else here, records, origins)


def _found_parents(cursor: Cursor, listed: list[dict[str, Any]]) -> Read:
    """Go on with the models above these, then with the products."""
    above = (str(one["parent"]) for one in listed if one.get("parent"))
    rest = [*_parents(cursor)[_KEYS:], *above]
    records = [_model(one) for one in listed]
    if rest:
        facts = {**cursor.facts, "parents": "\n".join(dict.fromkeys(rest))}
        return Read(msgspec.structs.replace(cursor, facts=facts), records)
    if cursor.facts.get("end"):
        return Read(None, records)
    return Read(msgspec.structs.replace(cursor, stage="products", facts={}), records)


def _parents(cursor: Cursor) -> list[str]:
    return cursor.facts.get("parents", "").split("\n")


def _some(todo: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first keys that one question can name: one model, or products by uuids or by identifiers."""
    if todo[0].startswith("model:"):
        return todo[:1]
    uuids = _UUID.fullmatch(todo[0]) is not None
    number = 0
    for key in todo[:_KEYS]:
        if key.startswith("model:") or (_UUID.fullmatch(key) is not None) != uuids:
            break
        number += 1
    return todo[:number]


def _search(name: str, operator: str, value: Any) -> str:
    return msgspec.json.encode({name: [{"operator": operator, "value": value}]}).decode()


def _next(found: Mapping[str, Any], name: str) -> str:
    """Return the cursor in the link to the next page, "" at the end. The link itself may name another host or scheme."""
    link = ((found.get("_links") or {}).get("next") or {}).get("href")
    return parse_qs(urlsplit(str(link)).query).get(name, [""])[0] if link else ""


def _category(one: Mapping[str, Any], locale: str) -> Record:
    name = (one.get("labels") or {}).get(locale) or one.get("code")
    # The root of a tree belongs to no way.
    kind = "category" if one.get("parent") else "root"
    return Record(kind, str(one.get("code")), {"name": name, "parent": one.get("parent")})


def _model(one: Mapping[str, Any]) -> Record:
    return Record("model", str(one.get("code")), _without_noise(one))


def _without_noise(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in _NOISE}
