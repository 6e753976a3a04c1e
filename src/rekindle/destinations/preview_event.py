"""Read a canonical event as the gateway would keep it, with the repairs that lose nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from rekindle.model.clicks import find_click_ids, set_click_ids
from rekindle.model.clock import parse_rfc3339, rfc3339
from rekindle.model.event import Consent, Event
from rekindle.privacy.redact import clean_search_term, clean_text, clean_url

_KNOWN: Final = frozenset(Event.__struct_fields__) - {"extra"}
_NUMBERS_AS_TEXT: Final = ("item_id", "item_variant", "location_id", "item_list_id", "transaction_id", "user_id",
                           "postal_code", "phone", "client_id", "event_id")  # fmt: skip
_SECONDS_UNTIL: Final = 100_000_000_000
_LONGEST_ID: Final = 100


class ConsentUnreadable(ValueError):
    """The event is one, but what it says of consent is not: that grants nothing."""


def read_event(given: Any) -> Event:
    """Read a canonical event. Raises `ConsentUnreadable`, `ValueError` or `msgspec.ValidationError`.

    Numbers where ids belong become text, text where numbers belong becomes numbers, a time in seconds or milliseconds
    since the epoch becomes RFC 3339, and null is nothing. As at the gateway's door, click ids are read from the
    page's address, and personal data is cut out of addresses, title and search term.
    """
    if not isinstance(given, dict):
        raise ValueError("an event is a JSON object")
    event = {key: value for key, value in given.items() if key in _KNOWN}
    time = event.get("event_time")
    if isinstance(time, int | float) and not isinstance(time, bool):
        event["event_time"] = rfc3339(int(time * 1000) if time < _SECONDS_UNTIL else int(time))
    elif isinstance(time, str):
        parse_rfc3339(time)
    consent = repaired(event.pop("consent", None))
    read = msgspec.convert(repaired(event), Event, strict=False)
    if not 1 <= len(read.event_id.strip()) <= _LONGEST_ID:
        raise ValueError("give each event its own id, a text of 1 to 100 characters")
    shop = read.ecommerce
    amounts = [shop.value, shop.tax, shop.shipping]
    amounts += [amount for item in shop.items for amount in (item.price, item.discount)]
    if any(amount is not None and not amount.is_finite() for amount in amounts):
        raise ValueError("an amount is not a number")
    if consent is not None:
        read.consent = read_consent(consent)
    return _kept(read)


def read_consent(given: Any) -> Consent:
    """Read a consent object. Raises `ConsentUnreadable` for words that nobody defined."""
    try:
        return msgspec.convert(given, Consent)
    except msgspec.ValidationError as error:
        raise ConsentUnreadable(str(error)) from None


def repaired(value: Any, name: str = "") -> Any:
    """Return ``value`` without nulls, and with numbers as text where the field ``name`` holds text (ids, phones)."""
    if isinstance(value, dict):
        return {key: repaired(each, key) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [repaired(each, name) for each in value]
    if name in _NUMBERS_AS_TEXT and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return value


def _kept(event: Event) -> Event:
    page = event.page
    if page.url:
        set_click_ids(event.client, event.user, find_click_ids(page.url), parse_rfc3339(event.event_time))
        page.url = clean_url(page.url)
    page.referrer = clean_url(page.referrer) if page.referrer else page.referrer
    page.title = clean_text(page.title) if page.title else page.title
    event.ecommerce.search_term = clean_search_term(event.ecommerce.search_term)
    return event
