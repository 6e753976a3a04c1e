"""One event in Pinterest's words. Source: Pinterest API v5 (OpenAPI 5.13), ConversionEvents and its user data.

Money is text; identifiers are hashed and in arrays. The window of 7 days is the strictest that integrations report;
Pinterest's own page names none. Limited data processing is flagged as ``opt_out_type: LDP`` with state and country.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations import shared
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.pinterest import PLATFORM
from rekindle.privacy.normalise.rules import sha256

# A product page is a page_visit with contents; lists are view_category. Carts, refunds and promotions have no event.
EVENT_NAMES: Final = {
    "page_view": "page_visit",
    "view_item": "page_visit",
    "view_item_list": "view_category",
    "search": "search",
    "view_search_results": "search",
    "add_to_cart": "add_to_cart",
    "add_to_wishlist": "add_to_wishlist",
    "begin_checkout": "initiate_checkout",
    "add_payment_info": "add_payment_info",
    "purchase": "checkout",
    "generate_lead": "lead",
    "sign_up": "signup",
}
_WINDOW_MS: Final = 7 * shared.DAY_MS
_HASHED: Final = {
    "email": "em", "phone": "ph", "first_name": "fn", "last_name": "ln", "gender": "ge", "date_of_birth": "db",
    "city": "ct", "region": "st", "postal_code": "zp", "country": "country", "user_id": "external_id",
}  # fmt: skip


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the event, or why Pinterest would refuse it."""
    time_ms = shared.event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    user = _user_data(event, region)
    if "em" not in user and not user.keys() >= {"client_ip_address", "client_user_agent"}:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, and no IP address with user agent")
    source = _action_source(event)
    if source is None:
        return Rejected(Reason.MISSING_FIELD, "client.os (Android or iOS: Pinterest tells the two apart)")
    body = shared.present(
        event_name=EVENT_NAMES[event.event],
        action_source=source,
        event_time=time_ms // 1000,
        event_id=event.event_id,
        event_source_url=event.page.url,
        user_data=user,
        custom_data=_custom_data(event),
    )
    if shared.limited(event) or event.consent.ad_personalization == "denied":
        body["opt_out"] = True
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _action_source(event: Event) -> str | None:
    if event.source != "app":
        return event.source
    system = (event.client.os or "").lower()
    return "app_android" if "android" in system else "app_ios" if system.startswith(("ios", "ipad")) else None


def _user_data(event: Event, region: str | None) -> dict[str, Any]:
    user: dict[str, Any] = {
        key: [digest] for key, digest in shared.hashed(PLATFORM, event.user, _HASHED, region).items()
    }
    if event.ldu is not None and event.ldu.enabled and event.ldu.country == shared.USA:
        user.setdefault("country", [sha256("us")])
        if event.ldu.state == shared.CALIFORNIA:
            user.setdefault("st", [sha256("ca")])
    return user | shared.present(
        client_ip_address=shared.address(event.client),
        client_user_agent=shared.agent(event.client),
        click_id=(event.client.epik or "").strip(),
    )


def _custom_data(event: Event) -> dict[str, Any]:
    shop, found = event.ecommerce, shared.items(event.ecommerce)
    money = shared.money(shop)
    one = found[0] if len(found) == 1 else None
    return shared.present(
        currency=money[1] if money else shared.currency(shop),
        value=shared.plain(money[0]) if money else None,
        content_ids=[str(item.item_id) for item in found],
        contents=[_content(item) for item in found],
        num_items=shared.count(shop),
        order_id=shop.transaction_id,
        search_string=shop.search_term if EVENT_NAMES[event.event] == "search" else None,
        opt_out_type="LDP" if shared.limited(event) else None,
        content_name=one.item_name if one else None,
        content_category=one.item_category if one else None,
        content_brand=one.item_brand if one else None,
    )


def _content(item: Item) -> dict[str, Any]:
    return shared.present(
        id=str(item.item_id),
        item_price=shared.plain(shared.amount(item.price)),
        quantity=shared.quantity(item),
        item_name=item.item_name,
        item_category=item.item_category,
        item_brand=item.item_brand,
    )
