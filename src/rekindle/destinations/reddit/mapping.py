"""One event in Reddit's words. Source: Reddit Ads API v3, Conversions API, "Direct integration".

Starting a checkout has no standard event; it goes as a custom one under its GA4 name. Offline events carry no device
identifiers and no click id, as Reddit asks.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations import shared
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
_WINDOW_MS: Final = 7 * shared.DAY_MS - 1
_HASHED: Final = {"email": "email", "phone": "phone_number", "user_id": "external_id"}


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the event, or why Reddit would refuse it."""
    time_ms = shared.event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    user: dict[str, Any] = dict(shared.hashed(PLATFORM, event.user, _HASHED, region))
    click = None
    if event.source != "offline":
        click = (event.client.rdt_cid or "").strip() or None
        user |= shared.present(ip_address=shared.address(event.client), user_agent=shared.agent(event.client))
    known = user.keys() & {"email", "phone_number", "external_id"} or user.keys() >= {"ip_address", "user_agent"}
    if not known and click is None:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone, customer id or click id, and no IP address with agent")
    if event.ldu is not None and event.ldu.enabled:
        user["data_processing_options"] = _limited(event.ldu.country, event.ldu.state)
    body = shared.present(
        event_at=time_ms,
        action_source=_ACTION_SOURCE[event.source],
        event_source_url=event.page.url if event.source == "web" else None,
        type=EVENT_TYPES[event.event],
        click_id=click,
        user=user,
        metadata=_metadata(event),
    )
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _limited(country: int, state: int) -> dict[str, Any]:
    place = {
        "country": "US" if country == shared.USA else None,
        "region": "US-CA" if state == shared.CALIFORNIA else None,
    }
    return {"modes": ["LDU"]} | shared.present(**place)


def _metadata(event: Event) -> dict[str, Any]:
    shop, found = event.ecommerce, shared.items(event.ecommerce)
    money = shared.money(shop)
    return shared.present(
        conversion_id=event.event_id,
        item_count=shared.count(shop),
        currency=money[1] if money else None,
        value=money[0] if money else None,
        products=[_product(item) for item in found],
    )


def _product(item: Item) -> dict[str, Any]:
    return shared.present(
        id=str(item.item_id),
        name=item.item_name,
        category=item.item_category,
        quantity=shared.quantity(item),
        item_price=shared.amount(item.price),
    )
