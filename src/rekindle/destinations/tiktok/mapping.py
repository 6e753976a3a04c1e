"""One event in TikTok's words. Source: Events API 2.0, "Parameters"; "Standard events and parameters".

Events of apps are reported for an app's id, with the store's id, the device's advertising id and its tracking choice
(``att_status``): the canonical event has none of them, so they are not sent.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations.shared import (
    DAY_MS,
    address,
    agent,
    amount,
    app_missing,
    categories,
    context,
    currency,
    event_time_ms,
    identifier,
    items,
    missing_money,
    present,
    quantity,
    value,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.tiktok import PLATFORM

EVENT_NAMES: Final = {
    "page_view": "Pageview",
    "view_item": "ViewContent",
    "search": "Search",
    "view_search_results": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "CompletePayment",
    "generate_lead": "SubmitForm",
    "sign_up": "CompleteRegistration",
}
_WINDOW_MS: Final = 7 * DAY_MS
_HASHED: Final = (("email", "email"), ("phone", "phone"), ("external_id", "user_id"), ("first_name", "first_name"),
                  ("last_name", "last_name"), ("zip_code", "postal_code"), ("city", "city"), ("state", "region"),
                  ("country", "country"))  # fmt: skip


def map_event(event: Event, names: dict[str, str], region: str | None) -> Mapped | Rejected:
    """Return the event, or why TikTok would refuse it. Events of web, app and shop never share a request."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := app_missing(
        event, "app.app_id and att_status (TikTok wants the app and the device's tracking choice)"
    ):
        return refused
    user = _user(event, region)
    if not user.keys() & {"email", "phone", "external_id", "ttclid"} and not user.keys() >= {"ip", "user_agent"}:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone, customer id, ttclid, or IP address with user agent")
    if refused := missing_money(event):
        return refused
    body: dict[str, Any] = {
        "event": names[event.event],
        "event_time": time_ms // 1000,
        "event_id": event.event_id,
        "user": user,
    }
    if properties := _properties(event):
        body["properties"] = properties
    if page := present(url=event.page.url, referrer=event.page.referrer):
        body["page"] = page
    if event.ldu is not None:
        body["limited_data_use"] = event.ldu.enabled
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS, group=event.source)


def _user(event: Event, region: str | None) -> dict[str, Any]:
    given = context(event.user, region)
    client = event.client
    return present(
        **{key: identifier(PLATFORM, event.user, field, given) for key, field in _HASHED},
        ttclid=client.ttclid if (client.ttclid or "").strip().lower() not in ("null", "undefined") else None,
        ip=address(client),
        user_agent=agent(client),
    )


def _properties(event: Event) -> dict[str, Any]:
    shop = event.ecommerce
    found = items(shop)
    money = value(shop)
    return present(
        currency=currency(shop) if money is not None else None,
        value=money,
        contents=[_content(item) for item in found],
        content_type=("product_group" if shop.content_type == "product_group" else "product") if found else None,
        num_items=sum(quantity(item) for item in found) or None,
        order_id=shop.transaction_id,
        query=shop.search_term,
    )


def _content(item: Item) -> dict[str, Any]:
    return present(
        content_id=item.item_id,
        content_name=item.item_name,
        content_category=categories(item),
        brand=item.item_brand,
        price=amount(item.price),
        quantity=quantity(item),
    )
