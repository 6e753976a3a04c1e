"""One event in the Data Manager API's words. Source: Data Manager API v1, Event, CartData, AdIdentifiers."""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations.google import consent_of, identifiers, user_identifiers
from rekindle.destinations.shared import (
    DAY_MS,
    address,
    agent,
    amount,
    currency,
    event_time_ms,
    items,
    missing_money,
    present,
    quantity,
    value,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.clock import rfc3339
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason

_SOURCES: Final = {"web": "WEB", "app": "APP", "offline": "IN_STORE"}
# Each conversion action has its own look-back (EVENT_TOO_OLD tells); 90 days is the longest click-through window.
_WINDOW_MS: Final = 90 * DAY_MS


def map_event(event: Event, region: str | None, *, cart: dict[str, str]) -> Mapped | Rejected:
    """Return the event, or why Google could not use it. ``cart`` names the Merchant Center feed of the items."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    clicks = present(gclid=event.client.gclid, gbraid=event.client.gbraid, wbraid=event.client.wbraid)
    people = user_identifiers(identifiers(event.user, region))
    if not clicks and not people:
        return Rejected(Reason.NO_MATCH_KEY, "no gclid, gbraid, wbraid, e-mail, phone or whole postal address")
    if refused := missing_money(event):
        return refused
    shop = event.ecommerce
    data, personal = consent_of(event.consent, event.ldu)
    body = present(
        # "The unique identifier for this event"; a purchase is known by its order everywhere.
        transactionId=shop.transaction_id or event.event_id,
        eventTimestamp=rfc3339(time_ms),
        eventSource=_SOURCES[event.source],
        adIdentifiers=clicks,
        userData={"userIdentifiers": people[:10]} if people else None,
        consent=present(
            adUserData=f"CONSENT_{data}" if data else None,
            adPersonalization=f"CONSENT_{personal}" if personal else None,
        ),
        currency=currency(shop) if value(shop) is not None else None,
        conversionValue=value(shop),
        eventDeviceInfo=present(
            userAgent=agent(event.client) or None, ipAddress=address(event.client) or None
        ),
        cartData=_cart(event, cart),
    )  # fmt: skip
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _cart(event: Event, cart: dict[str, str]) -> dict[str, Any] | None:
    found = items(event.ecommerce)
    if not found or event.event != "purchase":
        return None
    return {**cart, "items": [_item(item) for item in found]}


def _item(item: Item) -> dict[str, Any]:
    return present(merchantProductId=item.item_id, quantity=quantity(item), unitPrice=amount(item.price))
