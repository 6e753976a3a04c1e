"""One event in Snap's words. Source: Snap Conversions API v3, "Parameters".

"Events can have a date (timestamp) of maximum 37 days back" (v3, "Introduction"). What Snap's pages leave open is decided
so: ``event_time`` in seconds, as their examples have it; limited use as ``["LDU"]`` in an array. App events need
``app_data`` with the device's sixteen values, which the canonical event does not hold, so they are not sent.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations import shared
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.snapchat import PLATFORM

EVENT_NAMES: Final = {
    "page_view": "PAGE_VIEW",
    "view_item_list": "LIST_VIEW",
    "view_item": "VIEW_CONTENT",
    "search": "SEARCH",
    "view_search_results": "SEARCH",
    "add_to_cart": "ADD_CART",
    "add_to_wishlist": "ADD_TO_WISHLIST",
    "begin_checkout": "START_CHECKOUT",
    "add_payment_info": "ADD_BILLING",
    "purchase": "PURCHASE",
    "sign_up": "SIGN_UP",
}
_WINDOW_MS: Final = 37 * shared.DAY_MS
_HASHED: Final = {
    "email": "em", "phone": "ph", "first_name": "fn", "last_name": "ln", "gender": "ge", "date_of_birth": "db",
    "city": "ct", "region": "st", "postal_code": "zp", "country": "country", "user_id": "external_id",
}  # fmt: skip


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the event, or why Snap would refuse it."""
    time_ms = shared.event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := shared.app_missing(event, "app_data (Snap wants the device's details for app events)"):
        return refused
    user = _user_data(event, region)
    if not user.keys() & {"em", "ph"} and not user.keys() >= {"client_ip_address", "client_user_agent"}:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, no phone, and no IP address with user agent")
    if event.source == "web" and not event.page.url:
        return Rejected(Reason.MISSING_FIELD, "page.url (Snap wants it for web events)")
    name, custom = EVENT_NAMES[event.event], _custom_data(event)
    if name == "PURCHASE" and "value" not in custom:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.value and ecommerce.currency (Snap wants both for purchases)")
    body: dict[str, Any] = {
        "event_name": name,
        "event_time": time_ms // 1000,
        "event_id": event.event_id,
        "action_source": "OFFLINE" if event.source == "offline" else "WEB",
        "user_data": user,
    }
    body |= shared.present(event_source_url=event.page.url, custom_data=custom)
    if event.ldu is not None:
        body["data_processing_options"] = ["LDU"] if event.ldu.enabled else []
        if event.ldu.enabled:
            body["data_processing_options_country"] = event.ldu.country
            body["data_processing_options_state"] = event.ldu.state
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _user_data(event: Event, region: str | None) -> dict[str, Any]:
    user: dict[str, Any] = {
        key: [digest] for key, digest in shared.hashed(PLATFORM, event.user, _HASHED, region).items()
    }
    return user | shared.present(
        client_ip_address=shared.address(event.client),
        client_user_agent=shared.agent(event.client),
        sc_click_id=(event.client.sccid or "").strip(),
    )


def _custom_data(event: Event) -> dict[str, Any]:
    shop, found = event.ecommerce, shared.items(event.ecommerce)
    money = shared.money(shop)
    one = found[0] if len(found) == 1 else None
    return shared.present(
        currency=money[1] if money else None,
        value=money[0] if money else None,
        content_ids=[str(item.item_id) for item in found],
        contents=[_content(item) for item in found],
        num_items=shared.count(shop),
        brands=sorted({item.item_brand for item in found if item.item_brand}),
        order_id=shop.transaction_id,
        search_string=shop.search_term if EVENT_NAMES[event.event] == "SEARCH" else None,
        content_name=one.item_name if one else None,
        content_category=one.item_category if one else None,
    )


def _content(item: Item) -> dict[str, Any]:
    return shared.present(
        id=str(item.item_id),
        quantity=shared.quantity(item),
        item_price=shared.amount(item.price),
        brand=item.item_brand,
        delivery_category=item.delivery_category,
    )
