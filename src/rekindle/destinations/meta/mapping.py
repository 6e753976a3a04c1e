"""One event in Meta's words. Source: Conversions API v25, "Server event", "Customer information", "Custom data".

"App data": ``advertiser_tracking_enabled``, ``application_tracking_enabled`` and ``extinfo`` are "required for app
events". The canonical event does not hold what the device says of itself there, so app events are not sent.
"""

from __future__ import annotations

import re
from typing import Any, Final

from rekindle.destinations import shared
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.meta import PLATFORM

# GA4 names that have a standard event. Lists, carts, refunds and promotions have none and stay here.
EVENT_NAMES: Final = {
    "page_view": "PageView",
    "view_item": "ViewContent",
    "search": "Search",
    "view_search_results": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "CompleteRegistration",
}
_ACTION_SOURCE: Final = {"web": "website", "offline": "physical_store"}
# "event_time can be up to 7 days before"; for physical_store "within 62 days".
_WINDOW_MS: Final = {"web": 7 * shared.DAY_MS, "offline": 62 * shared.DAY_MS}
_FBC = re.compile(r"fb\.[0-9]\.[0-9]{10,13}\.\S+", re.ASCII)
_FBP = re.compile(r"fb\.[0-9]\.[0-9]{10,13}\.[0-9]+", re.ASCII)
_DELIVERY: Final = frozenset({"home_delivery", "curbside", "in_store"})
_HASHED: Final = {
    "email": "em",
    "phone": "ph",
    "first_name": "fn",
    "last_name": "ln",
    "gender": "ge",
    "date_of_birth": "db",
    "city": "ct",
    "region": "st",
    "postal_code": "zp",
    "country": "country",
    "user_id": "external_id",
}


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the server event, or why Meta would refuse it."""
    time_ms = shared.event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := shared.app_missing(event, "app_data (Meta wants tracking choices and extinfo for app events)"):
        return refused
    user = _user_data(event, region)
    if not _matches(user):
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone, customer id, fbp, fbc, or IP address with user agent")
    name = EVENT_NAMES[event.event]
    custom = _custom_data(event, name)
    if missing := _missing(event, user, custom, name):
        return Rejected(Reason.MISSING_FIELD, missing)
    body: dict[str, Any] = {
        "event_name": name,
        "event_time": time_ms // 1000,
        "event_id": event.event_id,
        "action_source": _ACTION_SOURCE[event.source],
        "user_data": user,
    }
    if event.page.url:
        body["event_source_url"] = event.page.url
    if event.page.referrer:
        body["referrer_url"] = event.page.referrer
    if custom:
        body["custom_data"] = custom
    body |= _restrictions(event)
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS[event.source])


def _user_data(event: Event, region: str | None) -> dict[str, Any]:
    """Hashed identifiers in arrays, the device's own words in clear, nothing that is empty or unreadable."""
    client = event.client
    data: dict[str, Any] = {
        key: [digest] for key, digest in shared.hashed(PLATFORM, event.user, _HASHED, region).items()
    }
    data |= shared.present(client_ip_address=shared.address(client), client_user_agent=shared.agent(client))
    if client.fbp and _FBP.fullmatch(client.fbp):
        data["fbp"] = client.fbp
    if client.fbc and _FBC.fullmatch(client.fbc):
        data["fbc"] = client.fbc
    return data


def _matches(user: dict[str, Any]) -> bool:
    """Meta refuses combinations that are too broad, such as a user agent alone, or a city with a gender."""
    if user.keys() & {"em", "ph", "external_id", "fbp", "fbc"}:
        return True
    if user.keys() >= {"client_ip_address", "client_user_agent"}:
        return True
    return user.keys() >= {"fn", "ln"} and bool(user.keys() & {"zp", "ct", "db"})


def _missing(event: Event, user: dict[str, Any], custom: dict[str, Any], name: str) -> str:
    if event.source == "web":
        if "client_user_agent" not in user:
            return "client.user_agent (Meta wants it for website events)"
        if not event.page.url:
            return "page.url (Meta wants it for website events)"
    if name == "Purchase":
        if "currency" not in custom:
            return "ecommerce.currency (three letters; Meta wants it for purchases)"
        if "value" not in custom:
            return "ecommerce.value (not negative; Meta wants it for purchases)"
    return ""


def _custom_data(event: Event, name: str) -> dict[str, Any]:
    shop, found = event.ecommerce, shared.items(event.ecommerce)
    one = found[0] if len(found) == 1 else None
    group = shop.content_type == "product_group"
    return shared.present(
        currency=shared.currency(shop),
        value=shared.value(shop),
        content_ids=[str(item.item_id) for item in found],
        contents=[_content(item) for item in found],
        content_type=("product_group" if group else "product") if found else None,
        num_items=shared.count(shop) if name in ("AddToCart", "InitiateCheckout", "Purchase") else None,
        content_name=one.item_name if one else None,
        content_category=one.item_category if one else None,
        order_id=shop.transaction_id,
        search_string=shop.search_term if name == "Search" else None,
    )


def _content(item: Item) -> dict[str, Any]:
    return shared.present(
        id=str(item.item_id),
        quantity=shared.quantity(item),
        item_price=shared.amount(item.price),
        delivery_category=item.delivery_category if item.delivery_category in _DELIVERY else None,
    )


def _restrictions(event: Event) -> dict[str, Any]:
    """US limited data use, and no ads optimisation where personalisation was refused ("Data processing options")."""
    found: dict[str, Any] = {}
    if event.ldu is not None:
        found["data_processing_options"] = ["LDU"] if event.ldu.enabled else []
        if event.ldu.enabled:
            found["data_processing_options_country"] = event.ldu.country
            found["data_processing_options_state"] = event.ldu.state
    if event.consent.ad_personalization == "denied":
        found["opt_out"] = True
    return found
