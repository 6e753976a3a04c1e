"""What the mappings of several platforms share: identifiers, addresses, money and items, repaired or left out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Client, Ecommerce, Event, Item, User
from rekindle.privacy.normalise import Context, Platform

DAY_MS: Final = 86_400_000


def time_ms(event: Event) -> int | None:
    """Return when it happened in milliseconds since the epoch, or None when the time is not RFC 3339 with an offset."""
    try:
        return parse_rfc3339(event.event_time)
    except ValueError:
        return None


def hashed(platform: Platform, user: User, keys: Mapping[str, str], region: str | None) -> dict[str, str]:
    """Return the platform's ``keys`` (by our field names) with hashes; what is empty or unreadable is left out.

    ``region`` (two letters) reads phone numbers without a country code; without it, the person's country does.
    """
    context = Context(default_region=region or user.country, country=user.country)
    found: dict[str, str] = {}
    for field, key in keys.items():
        value = getattr(user, field)
        if value and (digest := platform.normalise(field, value, context).hash):
            found[key] = digest
    return found


def address(client: Client) -> str | None:
    """Return the IP address when it is one."""
    text = (client.ip or "").strip()
    try:
        ip_address(text)
    except ValueError:
        return None
    return text


def agent(client: Client) -> str | None:
    """Return the user agent when there is any."""
    return client.user_agent if client.user_agent and client.user_agent.strip() else None


def items(shop: Ecommerce) -> list[Item]:
    """Return the items that have an id; the others say nothing to a platform that knows the feed."""
    return [item for item in shop.items if item.item_id]


def quantity(item: Item) -> int:
    """Return how many, 1 when it is not told or is nonsense."""
    return item.quantity if item.quantity and item.quantity > 0 else 1


def price(item: Item) -> Decimal | None:
    """Return the price of one, or None when it is not told or is nonsense."""
    return item.price if item.price is not None and item.price.is_finite() and item.price >= 0 else None


def currency(shop: Ecommerce) -> str | None:
    """Return the currency as ISO 4217 has it, or None for what is no currency."""
    code = (shop.currency or "").strip().upper()
    return code if code in _currencies() else None


def money(shop: Ecommerce) -> tuple[Decimal, str] | None:
    """Return value and currency: the event's, or the sum of its items when each has a price. Neither goes alone."""
    code = currency(shop)
    value = shop.value
    if value is None:
        prices = [(price(item), quantity(item)) for item in items(shop)]
        if prices and all(each is not None for each, _ in prices):
            value = sum((each * count for each, count in prices if each is not None), Decimal(0))
    if code is None or value is None or not value.is_finite() or value < 0:
        return None
    return value, code


def plain(number: Decimal) -> str:
    """Return a number as text without an exponent, for platforms that take numbers as strings."""
    return format(number, "f")


def present(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``body`` without what is None or empty."""
    return {key: value for key, value in body.items() if value is not None and value not in ("", [], {})}


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    from babel.numbers import list_currencies

    return frozenset(list_currencies())
