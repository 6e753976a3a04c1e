"""One event in Microsoft's words. Source: UET Conversions API guide, "Event data", "User data", "Custom data".

How the guide tells an app's event apart from a page's is not known here; as a page's it would be counted wrongly, so it is not sent.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations.shared import (
    DAY_MS,
    address,
    agent,
    amount,
    app_missing,
    context,
    currency,
    event_time_ms,
    identifier,
    items,
    missing_money,
    present,
    quantity,
    told,
    value,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.microsoft import PLATFORM

# GA4 name to the page type of dynamic remarketing; "" where the page has none.
PAGE_TYPES: Final = {
    "page_view": "",
    "view_item_list": "category",
    "view_item": "product",
    "search": "searchresults",
    "view_search_results": "searchresults",
    "add_to_cart": "cart",
    "view_cart": "cart",
    "begin_checkout": "cart",
    "purchase": "purchase",
    "generate_lead": "",
    "sign_up": "",
}
_WINDOW_MS: Final = 7 * DAY_MS


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the event, or why Microsoft would refuse it."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := app_missing(event, "a website (UET counts what happens on pages)"):
        return refused
    # "G or D": never a default; limited data use counts as a refusal.
    consent = told(event.consent, "ad_storage", granted="G", denied="D")
    if event.ldu is not None and event.ldu.enabled:
        consent = "D"
    if not consent:
        return Rejected("consent-signal-missing", "consent.ad_storage (Microsoft wants it told with each event)")
    if event.event == "page_view" and not event.page.url:
        return Rejected(Reason.MISSING_FIELD, "page.url (Microsoft wants eventSourceUrl for a pageLoad)")
    user = _user(event, region)
    if not user.keys() & {"msclkid", "anonymousId", "externalId", "em", "ph"}:
        return Rejected(Reason.NO_MATCH_KEY, "no msclkid, browser id, customer id, e-mail or phone")
    if refused := missing_money(event):
        return refused
    body = present(
        eventType="pageLoad" if event.event == "page_view" else "custom",
        eventName=None if event.event == "page_view" else event.event,
        eventId=event.event_id,
        eventTime=time_ms // 1000,
        eventSourceUrl=event.page.url,
        referrerUrl=event.page.referrer,
        pageTitle=event.page.title,
        adStorageConsent=consent,
        userData=user,
        customData=_custom(event),
    )
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _user(event: Event, region: str | None) -> dict[str, Any]:
    given = context(event.user, region)
    client = event.client
    return present(
        em=identifier(PLATFORM, event.user, "email", given),
        ph=identifier(PLATFORM, event.user, "phone", given),
        externalId=identifier(PLATFORM, event.user, "user_id", given),
        anonymousId=client.client_id,
        msclkid=client.msclkid,
        clientUserAgent=agent(client),
        clientIpAddress=address(client),
    )


def _custom(event: Event) -> dict[str, Any]:
    shop = event.ecommerce
    found = items(shop)
    money = value(shop)
    return present(
        pageType=PAGE_TYPES[event.event],
        itemIds=[item.item_id for item in found],
        items=[_item(item) for item in found],
        ecommCategory=found[0].item_category if len(found) == 1 else None,
        ecommTotalValue=money,
        value=money,
        currency=currency(shop) if money is not None else None,
        transactionId=shop.transaction_id,
        searchTerm=shop.search_term,
    )


def _item(item: Item) -> dict[str, Any]:
    return present(id=item.item_id, name=item.item_name, price=amount(item.price), quantity=quantity(item))
