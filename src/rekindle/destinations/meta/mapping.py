"""One event in Meta's words. Source: Conversions API v25, "Server event", "Customer information", "Custom data"."""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, Final

from rekindle.destinations.shared import currency as known_currency
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise import Context
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
_ACTION_SOURCE: Final = {"web": "website", "app": "app", "offline": "physical_store"}
_DAY_MS: Final = 86_400_000
# "event_time can be up to 7 days before"; for physical_store "within 62 days".
_WINDOW_MS: Final = {"web": 7 * _DAY_MS, "app": 7 * _DAY_MS, "offline": 62 * _DAY_MS}
_FBC = re.compile(r"fb\.[0-9]\.[0-9]{10,13}\.\S+", re.ASCII)
_FBP = re.compile(r"fb\.[0-9]\.[0-9]{10,13}\.[0-9]+", re.ASCII)
_DELIVERY: Final = frozenset({"home_delivery", "curbside", "in_store"})
_HASHED: Final = (
    ("em", "email"),
    ("ph", "phone"),
    ("fn", "first_name"),
    ("ln", "last_name"),
    ("ge", "gender"),
    ("db", "date_of_birth"),
    ("ct", "city"),
    ("st", "region"),
    ("zp", "postal_code"),
    ("country", "country"),
    ("external_id", "user_id"),
)


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the server event, or why Meta would refuse it."""
    try:
        time_ms = parse_rfc3339(event.event_time)
    except ValueError:
        return Rejected(Reason.MALFORMED, "event_time is not RFC 3339 with an offset")
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
    country = event.user.country
    context = Context(default_region=region or country, country=country)
    data: dict[str, Any] = {}
    for key, field in _HASHED:
        value = getattr(event.user, field)
        if value and (digest := PLATFORM.normalise(field, value, context).hash):
            data[key] = [digest]
    client = event.client
    if client.ip and _is_address(client.ip):
        data["client_ip_address"] = client.ip.strip()
    if client.user_agent and client.user_agent.strip():
        data["client_user_agent"] = client.user_agent
    if client.fbp and _FBP.fullmatch(client.fbp):
        data["fbp"] = client.fbp
    if client.fbc and _FBC.fullmatch(client.fbc):
        data["fbc"] = client.fbc
    return data


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip())
    except ValueError:
        return False
    return True


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
    shop = event.ecommerce
    data: dict[str, Any] = {}
    items = [item for item in shop.items if item.item_id]
    currency = known_currency(shop)
    if currency:
        data["currency"] = currency
        value = shop.value if shop.value is not None else _total(items)
        if value is not None and value.is_finite() and value >= 0:
            data["value"] = value
    if items:
        data["content_ids"] = [str(item.item_id) for item in items]
        data["contents"] = [_content(item) for item in items]
        data["content_type"] = "product_group" if shop.content_type == "product_group" else "product"
        if name in ("AddToCart", "InitiateCheckout", "Purchase"):
            data["num_items"] = sum(_quantity(item) for item in items)
    if len(items) == 1:
        if items[0].item_name:
            data["content_name"] = items[0].item_name
        if items[0].item_category:
            data["content_category"] = items[0].item_category
    if shop.transaction_id:
        data["order_id"] = shop.transaction_id
    if shop.search_term and name == "Search":
        data["search_string"] = shop.search_term
    return data


def _quantity(item: Item) -> int:
    return item.quantity if item.quantity and item.quantity > 0 else 1


def _content(item: Item) -> dict[str, Any]:
    content: dict[str, Any] = {"id": str(item.item_id), "quantity": _quantity(item)}
    if item.price is not None and item.price.is_finite() and item.price >= 0:
        content["item_price"] = item.price
    if item.delivery_category in _DELIVERY:
        content["delivery_category"] = item.delivery_category
    return content


def _total(items: list[Item]) -> Decimal | None:
    """Return the value of an event that names none: the sum of its items, when each has a price."""
    if not items or any(item.price is None for item in items):
        return None
    return sum((item.price * _quantity(item) for item in items if item.price is not None), Decimal(0))


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
