"""What mappings share: times, money, quantities and consent, read by the same written rules for every platform.

The rules: an amount counts only with a currency of ISO 4217 and when it is a number that is not negative; an event
that names no value has the sum of its items; a quantity below one is one; an item without an id is left out.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rekindle.destinations import words
from rekindle.destinations.words import DAY_MS, items, quantity
from rekindle.egress.connector import Rejected
from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Client, Consent, Ecommerce, Event, Item, User
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise import Context, Platform


def event_time_ms(event: Event) -> int | Rejected:
    """Return when it happened, in milliseconds since the epoch."""
    try:
        return parse_rfc3339(event.event_time)
    except ValueError:
        return Rejected(Reason.MALFORMED, "event_time is not RFC 3339 with an offset")


def currency(shop: Ecommerce) -> str:
    """Return the currency's three letters, or "" when there is none that anybody knows."""
    return words.currency(shop) or ""


def amount(number: Decimal | None) -> Decimal | None:
    """Return an amount that can be sent, or None for what is no number or negative."""
    return number if number is not None and number.is_finite() and number >= 0 else None


def value(shop: Ecommerce) -> Decimal | None:
    """Return the event's value, or the sum of its items when each has a price. None without a known currency."""
    found = words.money(shop)
    return None if found is None else found[0]


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


def address(client: Client) -> str:
    """Return the IP address, or "" for what is none."""
    return words.address(client) or ""


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


__all__ = [
    "DAY_MS",
    "address",
    "amount",
    "categories",
    "context",
    "currency",
    "event_time_ms",
    "identifier",
    "items",
    "missing_money",
    "present",
    "quantity",
    "told",
    "value",
]
