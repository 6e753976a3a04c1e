"""One event in Criteo's words. Source: Criteo server-to-server events (s2s_v0), "Sending events".

``site_type`` tells a website on a desktop, a telephone or a tablet. Events of apps are not sent: the canonical event has neither
the app's id nor the device's, and as a website's they would be counted wrongly.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from rekindle.destinations.shared import (
    DAY_MS,
    address,
    agent,
    amount,
    app_missing,
    currency,
    event_time_ms,
    items,
    missing_money,
    present,
    quantity,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.clock import rfc3339
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.criteo import PLATFORM

EVENT_NAMES: Final = {
    "page_view": "viewPage",
    "view_item": "viewItem",
    "view_item_list": "viewList",
    "search": "viewList",
    "view_search_results": "viewList",
    "add_to_cart": "addToCart",
    "view_cart": "viewBasket",
    "begin_checkout": "beginCheckout",
    "add_payment_info": "addPaymentInfo",
    "purchase": "trackTransaction",
    "login": "login",
}
# These mean nothing to a recommender without products.
_NEED_ITEMS: Final = frozenset({"viewItem", "addToCart", "viewBasket", "trackTransaction"})
_SITE_TYPES: Final = {"mobile": "m", "tablet": "t"}


def map_event(event: Event, caller_id: str | None) -> Mapped | Rejected:
    """Return ``{"head": …, "event": …}``: a request is of one visitor on one page."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := app_missing(
        event, "the app's id and the device's advertising id (Criteo knows an app's visitor by them)"
    ):
        return refused
    if event.ldu is not None and event.ldu.enabled:
        return Rejected("limited-use", "Criteo documents no limited use; the event stays here")
    person = _person(event, caller_id)
    if not person:
        return Rejected(Reason.NO_MATCH_KEY, "no Criteo GUM id (with the setting caller_id) and no e-mail")
    name = EVENT_NAMES[event.event]
    if name == "viewPage" and urlsplit(event.page.url or "").path in ("", "/") and event.page.url:
        name = "viewHome"
    listed = items(event.ecommerce)
    if name in _NEED_ITEMS and not listed:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.items (with item_id)")
    if name == "trackTransaction" and not event.ecommerce.transaction_id:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.transaction_id")
    if refused := missing_money(event):
        return refused
    money = currency(event.ecommerce)
    body = present(
        event=name,
        timestamp=rfc3339(time_ms),
        id=event.ecommerce.transaction_id if name == "trackTransaction" else None,
        item=[_item(item, priced=bool(money)) for item in listed],
        currency=money if listed else None,
        search_term=event.ecommerce.search_term,
        deduplication_page_view_id=event.event_id,
    )
    head = _head(event, person)
    return Mapped(event.event_id, {"head": head, "event": body}, time_ms, time_ms + DAY_MS, repr(head))


def _person(event: Event, caller_id: str | None) -> dict[str, Any]:
    person: dict[str, Any] = {}
    if caller_id and event.client.criteo_gum_id:
        person |= {"mapped_user_id": event.client.criteo_gum_id, "mapping_key": caller_id}
    if event.user.email:
        answer = PLATFORM.normalise("email", event.user.email)
        if answer.hashes:
            person["email"] = dict(answer.hashes)
        elif answer.hash:
            person["email"] = {"sha256": answer.hash}
    return person


def _head(event: Event, person: dict[str, Any]) -> dict[str, Any]:
    return present(
        site_type=_SITE_TYPES.get((event.client.device_type or "").lower(), "d"),
        id=person,
        ip=address(event.client),
        useragent=agent(event.client),
        full_url=event.page.url,
        previous_url=event.page.referrer,
        retailer_visitor_id=event.client.client_id,
        # "Pass the original string": never altered, never made.
        gdpr_consent=event.consent.tcf,
        us_privacy=event.consent.us_privacy,
        gpp=event.consent.gpp,
    )


def _item(item: Item, *, priced: bool) -> dict[str, Any]:
    return present(id=item.item_id, price=amount(item.price) if priced else None, quantity=quantity(item))
