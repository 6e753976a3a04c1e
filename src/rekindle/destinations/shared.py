"""What mappings share: times, money, items, people and consent, read by the same written rules for every platform.

The rules: an amount counts only with a currency of ISO 4217 and when it is a number that is not negative; an event
that names no value has the sum of its items; a quantity below one is one; an item without an id (blanks are none) is left out; what is
no IP address, and what no normaliser can read, is left out. "" stands for nothing, and `present` leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from rekindle.egress.connector import Rejected
from rekindle.egress.ip import is_address
from rekindle.model.clock import parse_rfc3339
from rekindle.model.currency import tender
from rekindle.model.event import Client, Consent, Ecommerce, Event, Item, User
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise import Context, Platform

DAY_MS: Final = 86_400_000
# Meta's numbers for limited data use, which the canonical event has taken over: the USA, and California.
USA: Final = 1
CALIFORNIA: Final = 1000


def event_time_ms(event: Event) -> int | Rejected:
    """Return when it happened, in milliseconds since the epoch."""
    try:
        return parse_rfc3339(event.event_time)
    except ValueError:
        return Rejected(Reason.MALFORMED, "event_time is not RFC 3339 with an offset")


def limited(event: Event) -> bool:
    """Say whether the use of this event's data is limited."""
    return event.ldu is not None and event.ldu.enabled


def currency(shop: Ecommerce) -> str:
    """Return the currency's three letters, or "" when there is none that anybody knows."""
    code = (shop.currency or "").strip().upper()
    return code if code in tender() else ""


def amount(number: Decimal | None) -> Decimal | None:
    """Return an amount that can be sent, or None for what is no number or negative."""
    return number if number is not None and number.is_finite() and number >= 0 else None


def money(shop: Ecommerce) -> tuple[Decimal, str] | None:
    """Return value and currency: the event's, or the sum of its items when each has a price. Neither goes alone."""
    code, found = currency(shop), shop.value
    if found is None:
        prices = [(amount(item.price), quantity(item)) for item in items(shop)]
        if prices and all(each is not None for each, _ in prices):
            found = sum((each * count for each, count in prices if each is not None), Decimal(0))
    found = amount(found)
    return (found, code) if code and found is not None else None


def value(shop: Ecommerce) -> Decimal | None:
    """Return the amount of `money`, or None."""
    found = money(shop)
    return None if found is None else found[0]


def app_missing(event: Event, wanted: str) -> Rejected | None:
    """Say what a platform wants of an app's event: the canonical event has no part for apps, and sent as a page's it lies."""
    return Rejected(Reason.MISSING_FIELD, wanted) if event.source == "app" else None


def missing_money(event: Event) -> Rejected | None:
    """Say that a purchase lacks what makes it one."""
    if event.event != "purchase":
        return None
    if not currency(event.ecommerce):
        return Rejected(Reason.MISSING_FIELD, "ecommerce.currency (three letters of ISO 4217)")
    if value(event.ecommerce) is None:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.value (a number that is not negative)")
    return None


def plain(number: Decimal | None) -> str:
    """Return a number as text without an exponent, for platforms that take numbers as strings; "" for none."""
    return "" if number is None else format(number, "f")


def items(shop: Ecommerce) -> list[Item]:
    """Return the items that have an id; the others say nothing to a platform that knows the feed."""
    return [item for item in shop.items if item.item_id and item.item_id.strip()]


def quantity(item: Item) -> int:
    """Return how many, 1 when it is not told or is nonsense."""
    return item.quantity if item.quantity and item.quantity > 0 else 1


def count(shop: Ecommerce) -> int | None:
    """Return how many pieces the items are in all, or None without items."""
    return sum(quantity(item) for item in items(shop)) or None


def categories(item: Item) -> str:
    """Return the item's categories as one path, the widest first, or ""."""
    parts = (item.item_category, item.item_category2, item.item_category3, item.item_category4, item.item_category5)
    return " > ".join(part for part in parts if part)


def address(client: Client) -> str:
    """Return the IP address, or "" for what is none."""
    text = (client.ip or "").strip()
    return text if is_address(text) else ""


def agent(client: Client) -> str:
    """Return the user agent, or "" when there is none but blanks."""
    return client.user_agent if client.user_agent and client.user_agent.strip() else ""


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


def hashed(platform: Platform, user: User, keys: Mapping[str, str], region: str | None) -> dict[str, str]:
    """Return the platform's ``keys`` (by our field names) with hashes alone; what is empty or unreadable is left out.

    ``region`` (two letters) reads phone numbers without a country code; without it, the person's country does.
    """
    given = context(user, region)
    found: dict[str, str] = {}
    for field, key in keys.items():
        text = getattr(user, field)
        if text and (digest := platform.normalise(field, text, given).hash):
            found[key] = digest
    return found


def told(consent: Consent, name: str, *, granted: str, denied: str) -> str:
    """Return a consent mode signal in a platform's words, or "" when the person never said."""
    signal = getattr(consent, name)
    return granted if signal == "granted" else denied if signal == "denied" else ""


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that hold something; zero and False do."""
    return {name: found for name, found in fields.items() if found is not None and found not in ("", [], {})}
