"""One event in Reddit's words. Source: Reddit Ads API v3, Conversions API, "Direct integration".

Starting a checkout has no standard event; it goes as a custom one under its GA4 name. Offline events carry no device
identifiers and no click id, as Reddit asks.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations import words
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.reddit import PLATFORM

EVENT_TYPES: Final[dict[str, dict[str, str]]] = {
    "page_view": {"tracking_type": "PAGE_VISIT"},
    "view_item": {"tracking_type": "VIEW_CONTENT"},
    "search": {"tracking_type": "SEARCH"},
    "view_search_results": {"tracking_type": "SEARCH"},
    "add_to_cart": {"tracking_type": "ADD_TO_CART"},
    "add_to_wishlist": {"tracking_type": "ADD_TO_WISHLIST"},
    "begin_checkout": {"tracking_type": "CUSTOM", "custom_event_name": "begin_checkout"},
    "purchase": {"tracking_type": "PURCHASE"},
    "generate_lead": {"tracking_type": "LEAD"},
    "sign_up": {"tracking_type": "SIGN_UP"},
}
_ACTION_SOURCE: Final = {"web": "WEBSITE", "app": "APP", "offline": "PHYSICAL_STORE"}
# "event_at timestamp must be less than 168h0m0s old".
_WINDOW_MS: Final = 7 * words.DAY_MS
_HASHED: Final = {"email": "email", "phone": "phone_number", "user_id": "external_id"}
# Meta's numbers, which the canonical event uses: 1 is the USA, 1000 is California.
_USA, _CALIFORNIA = 1, 1000


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the event, or why Reddit would refuse it."""
    time_ms = words.time_ms(event)
    if time_ms is None:
        return Rejected(Reason.MALFORMED, "event_time is not RFC 3339 with an offset")
    user: dict[str, Any] = dict(words.hashed(PLATFORM, event.user, _HASHED, region))
    click = None
    if event.source != "offline":
        click = (event.client.rdt_cid or "").strip() or None
        user |= words.present({"ip_address": words.address(event.client), "user_agent": words.agent(event.client)})
    known = user.keys() & {"email", "phone_number", "external_id"} or user.keys() >= {"ip_address", "user_agent"}
    if not known and click is None:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone, customer id or click id, and no IP address with agent")
    if event.ldu is not None and event.ldu.enabled:
        user["data_processing_options"] = _limited(event.ldu.country, event.ldu.state)
    body = words.present(
        {
            "event_at": time_ms,
            "action_source": _ACTION_SOURCE[event.source],
            "event_source_url": event.page.url if event.source == "web" else None,
            "type": EVENT_TYPES[event.event],
            "click_id": click,
            "user": user,
            "metadata": _metadata(event),
        }
    )
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _limited(country: int, state: int) -> dict[str, Any]:
    place = {"country": "US" if country == _USA else None, "region": "US-CA" if state == _CALIFORNIA else None}
    return {"modes": ["LDU"]} | words.present(place)


def _metadata(event: Event) -> dict[str, Any]:
    shop, found = event.ecommerce, words.items(event.ecommerce)
    money = words.money(shop)
    return words.present(
        {
            "conversion_id": event.event_id,
            "item_count": sum(words.quantity(item) for item in found) or None,
            "currency": money[1] if money else None,
            "value": money[0] if money else None,
            "products": [_product(item) for item in found],
        }
    )


def _product(item: Item) -> dict[str, Any]:
    return words.present(
        {
            "id": str(item.item_id),
            "name": item.item_name,
            "category": item.item_category,
            "quantity": words.quantity(item),
            "item_price": words.price(item),
        }
    )
