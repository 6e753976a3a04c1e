"""What mappings share: times, money, quantities and consent, read by the same written rules for every platform.

The rules: an amount counts only with a currency of ISO 4217 and when it is a number that is not negative; an event
that names no value has the sum of its items; a quantity below one is one; an item without an id is left out.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from ipaddress import ip_address
from typing import Any, Final

from babel.numbers import list_currencies

from rekindle.egress.connector import Rejected
from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Consent, Ecommerce, Event, Item, User
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise import Context, Platform

DAY_MS: Final = 86_400_000
_CODE = re.compile(r"[A-Z]{3}")


def event_time_ms(event: Event) -> int | Rejected:
    """Return when it happened, in milliseconds since the epoch."""
    try:
        return parse_rfc3339(event.event_time)
    except ValueError:
        return Rejected(Reason.MALFORMED, "event_time is not RFC 3339 with an offset")


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def currency(shop: Ecommerce) -> str:
    """Return the currency's three letters, or "" when there is none that anybody knows."""
    code = (shop.currency or "").strip().upper()
    return code if _CODE.fullmatch(code) and code in _currencies() else ""


def amount(number: Decimal | None) -> Decimal | None:
    """Return an amount that can be sent, or None for what is no number or negative."""
    return number if number is not None and number.is_finite() and number >= 0 else None


def quantity(item: Item) -> int:
    """Return how many; at least one."""
    return item.quantity if item.quantity and item.quantity > 0 else 1


def items(shop: Ecommerce, most: int | None = None) -> list[Item]:
    """Return the items that have an id, at most ``most`` of them: the first, as the shop ranked them."""
    found = [item for item in shop.items if item.item_id]
    return found if most is None else found[:most]


def value(shop: Ecommerce) -> Decimal | None:
    """Return the event's value, or the sum of its items when each has a price. None without a known currency."""
    if not currency(shop):
        return None
    if shop.value is not None:
        return amount(shop.value)
    priced = [(amount(item.price), quantity(item)) for item in items(shop)]
    if not priced or any(price is None for price, _ in priced):
        return None
    return sum((price * count for price, count in priced if price is not None), Decimal(0))


def missing_money(event: Event) -> Rejected | None:
    """Say that a purchase lacks what makes it one."""
    if event.event != "purchase":
        return None
    if not currency(event.ecommerce):
        return Rejected(Reason.MISSING_FIELD, "ecommerce.currency (three letters of ISO 4217)")
    if value(event.ecommerce) is None:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.value (a number that is not negative)")
    return None


def categories(item: Item) -> str:
    """Return the item's categories as one path, the widest first, or ""."""
    parts = (item.item_category, item.item_category2, item.item_category3, item.item_category4, item.item_category5)
    return " > ".join(part for part in parts if part)


def address(text: str | None) -> str:
    """Return an IP address, or "" for what is none."""
    try:
        return str(ip_address((text or "").strip()))
    except ValueError:
        return ""


def context(user: User, default_region: str | None, **choices: str) -> Context:
    """Return what identifiers are read with: the account's region before the person's country."""
    return Context(default_region=default_region or user.country, country=user.country, choices=choices)


def identifier(platform: Platform, user: User, field: str, given: Context) -> str:
    """Return what the platform wants for one field of the person: its hash, or itself in clear; "" for none."""
    text = getattr(user, field)
    if not isinstance(text, str) or not text:
        return ""
    answer = platform.normalise(field, text, given)
    return answer.hash or answer.normalized or ""


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that hold something; zero and False do."""
    return {name: found for name, found in fields.items() if found is not None and found not in ("", [], {})}


def told(consent: Consent, name: str, *, granted: str, denied: str) -> str:
    """Return a consent mode signal in a platform's words, or "" when the person never said."""
    signal = getattr(consent, name)
    return granted if signal == "granted" else denied if signal == "denied" else ""
