"""One event in GA4's words. Source: Measurement Protocol (GA4), "Protocol reference", "Events", "Limitations".

An app's events go to a stream of its own, by ``firebase_app_id`` and the ``app_instance_id`` that Firebase made: the canonical
event has none, and as a page's they would be counted in the wrong stream, so they are not sent.
"""

from __future__ import annotations

import re
from typing import Any, Final

from rekindle.destinations.shared import (
    DAY_MS,
    amount,
    app_missing,
    context,
    currency,
    event_time_ms,
    identifier,
    missing_money,
    present,
    quantity,
    told,
    value,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item, User
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.google import PLATFORM

# "Names must start with a letter, hold letters, digits and underscores, at most 40 of them."
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_RESERVED_PREFIXES: Final = ("firebase_", "ga_", "google_", "gtag")
_RESERVED: Final = frozenset(
    {
        "ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query", "ad_reward", "adunit_exposure",
        "app_background", "app_clear_data", "app_exception", "app_install", "app_remove", "app_store_refund",
        "app_store_subscription_cancel", "app_store_subscription_convert", "app_store_subscription_renew",
        "app_uninstall", "app_update", "app_upgrade", "dynamic_link_app_open", "dynamic_link_app_update",
        "dynamic_link_first_open", "error", "first_open", "first_visit", "in_app_purchase", "notification_dismiss",
        "notification_foreground", "notification_open", "notification_receive", "notification_send", "os_update",
        "screen_view", "session_start", "user_engagement",
    }
)  # fmt: skip
_CLIENT = re.compile(r"(?:GA\d\.\d+\.)?(\S{1,100})", re.ASCII)
# "Up to 72 hours of backdating"; 200 items an event.
_WINDOW_MS: Final = 3 * DAY_MS
_ITEMS: Final = 200
# "Length of event parameter value: 100 characters", more for the page; what is longer is not logged at all.
_LONGEST: Final = 100
_IDS: Final = ("item_id", "item_list_id", "location_id", "index")
_TEXTS: Final = (
    "item_name", "item_brand", "item_variant", "item_category", "item_category2", "item_category3", "item_category4",
    "item_category5", "coupon", "item_list_name",
)  # fmt: skip


def accepts(name: str) -> bool:
    """Say whether GA4 takes an event of this name; it silently drops the reserved ones."""
    return (
        _NAME.fullmatch(name) is not None
        and name.lower() not in _RESERVED
        and not name.lower().startswith(_RESERVED_PREFIXES)
    )


def map_event(event: Event, region: str | None, *, user_data: bool, debug: bool) -> Mapped | Rejected:
    """Return ``{"head": …, "event": …}``: what a request says once of its visitor, and the event itself."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := app_missing(event, "app_instance_id (GA4 knows an app's visitor by it, in a stream of its own)"):
        return refused
    client = _CLIENT.fullmatch((event.client.client_id or "").strip())
    if client is None:
        return Rejected(Reason.NO_MATCH_KEY, "client.client_id (GA4 knows a browser by it alone)")
    # "transaction_id": required, and the only key by which GA4 removes a purchase it has seen.
    if event.event in ("purchase", "refund") and not event.ecommerce.transaction_id:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.transaction_id (GA4 counts a purchase once by it)")
    if refused := missing_money(event):
        return refused
    # "User-ID must not contain personally identifiable information": an e-mail address is none that can be used.
    user_id = identifier(PLATFORM, event.user, "user_id", context(event.user, region))
    user_id = "" if "@" in user_id else user_id
    head = present(client_id=client[1], user_id=user_id, consent=_consent(event))
    if user_data and user_id:
        head |= present(user_data=_user_data(event.user, region))
    body = {"name": event.event, "timestamp_micros": time_ms * 1000, "params": _params(event, debug)}
    group = repr(sorted(head.items()))
    return Mapped(event.event_id, {"head": head, "event": body}, time_ms, time_ms + _WINDOW_MS, group)


def _consent(event: Event) -> dict[str, str]:
    """Source: "consent": GRANTED or DENIED for each; limited data use means no personalised ads."""
    limited = event.ldu is not None and event.ldu.enabled
    personal = told(event.consent, "ad_personalization", granted="GRANTED", denied="DENIED")
    return present(
        ad_user_data=told(event.consent, "ad_user_data", granted="GRANTED", denied="DENIED"),
        ad_personalization="DENIED" if limited else personal,
    )


def _params(event: Event, debug: bool) -> dict[str, Any]:
    shop = event.ecommerce
    money = currency(shop)
    return present(
        currency=money if value(shop) is not None or any(item.price is not None for item in shop.items) else None,
        value=value(shop),
        transaction_id=shop.transaction_id,
        tax=amount(shop.tax) if money else None,
        shipping=amount(shop.shipping) if money else None,
        coupon=_cut(shop.coupon),
        search_term=_cut(shop.search_term),
        items=[_item(item) for item in shop.items if (item.item_id or item.item_name or "").strip()][:_ITEMS],
        page_location=_cut(event.page.url, 1000),
        page_referrer=_cut(event.page.referrer, 420),
        page_title=_cut(event.page.title, 300),
        event_id=event.event_id,
        # Without an engagement time, the event is missing from reports of active users.
        engagement_time_msec=1,
        debug_mode=1 if debug else None,
    )


def _item(item: Item) -> dict[str, Any]:
    ids = {name: getattr(item, name) for name in _IDS}
    texts = {name: _cut(getattr(item, name)) for name in _TEXTS}
    return present(**ids, **texts, price=amount(item.price), discount=amount(item.discount), quantity=quantity(item))


def _cut(text: str | None, most: int = _LONGEST) -> str:
    return (text or "")[:most]


def _user_data(user: User, region: str | None) -> dict[str, Any]:
    """Source: "User-provided data with User-ID"; hashes in hexadecimal."""
    given = context(user, region)

    def of(field: str) -> str:
        return identifier(PLATFORM, user, field, given)

    names = present(sha256_first_name=of("first_name"), sha256_last_name=of("last_name"))
    places = present(postal_code=of("postal_code"), country=of("country"))
    return present(
        sha256_email_address=[of("email")] if of("email") else None,
        sha256_phone_number=[of("phone")] if of("phone") else None,
        address=[names | places] if len(names) == 2 and len(places) == 2 else None,
    )
