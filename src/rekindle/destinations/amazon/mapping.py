"""One event in Amazon's words. Source: Amazon Ads API v1, Events: EventData, MatchKey, ConsentData.

A value goes only in a currency Amazon takes; without one it would be read in the currency of the country.
"""

from __future__ import annotations

from typing import Any, Final

from rekindle.destinations.shared import (
    DAY_MS,
    address,
    context,
    currency,
    event_time_ms,
    identifier,
    items,
    limited,
    missing_money,
    present,
    quantity,
    told,
    value,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.clock import rfc3339
from rekindle.model.event import Event
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.amazon import PLATFORM

EVENT_TYPES: Final = {
    "page_view": "PAGE_VIEW",
    "view_item": "PAGE_VIEW",
    "search": "SEARCH",
    "view_search_results": "SEARCH",
    "add_to_cart": "ADD_TO_SHOPPING_CART",
    "begin_checkout": "CHECKOUT",
    "purchase": "OFF_AMAZON_PURCHASES",
    "generate_lead": "LEAD",
    "sign_up": "SIGN_UP",
}
_CURRENCIES: Final = frozenset(
    {"AED", "AUD", "BRL", "CAD", "CNY", "DKK", "EUR", "GBP", "INR", "JPY", "MXN", "NOK", "NZD", "SAR", "SEK", "SGD",
     "TRY", "USD"}
)  # fmt: skip
_KEYS: Final = (
    ("EMAIL", "email"), ("PHONE", "phone"), ("FIRST_NAME", "first_name"), ("LAST_NAME", "last_name"),
    ("ADDRESS", "street"), ("CITY", "city"), ("STATE", "region"), ("POSTAL", "postal_code"),
)  # fmt: skip
_APPS: Final = {"android": "ANDROID", "ios": "IOS", "ipados": "IOS", "fireos": "FIRE_TV"}
_WINDOW_MS: Final = 7 * DAY_MS


def map_event(event: Event, *, country: str | None, region: str | None, dataset: str | None, eu: bool) -> (
    Mapped | Rejected
):  # fmt: skip
    """Return the event, or why Amazon would refuse it."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if limited(event):
        # dataProcessingOptions: "Events marked for limited data use will not be processed"; so the data need not leave.
        return Rejected("limited-use", "Amazon processes no event of limited use; it stays here")
    where = identifier(PLATFORM, event.user, "country", context(event.user, None)) or (country or "")
    if not where:
        return Rejected(Reason.MISSING_FIELD, "user.country, or the setting country (Amazon wants it for each event)")
    given = context(event.user, region or country)
    keys = [(name, identifier(PLATFORM, event.user, field, given)) for name, field in _KEYS]
    matches = [{"type": name, "values": [found]} for name, found in keys if found]
    if not any(match["type"] in ("EMAIL", "PHONE") for match in matches) and len(matches) < 3:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail or phone, and fewer than three parts of name and address")
    consent = _consent(event)
    if eu and not consent:
        return Rejected("consent-signal-missing", "consent (Amazon wants it told with each event in Europe)")
    if event.source == "app" and _app(event) is None:
        return Rejected(Reason.MISSING_FIELD, "client.os (Android, iOS or Fire OS: Amazon tells apps apart by it)")
    if refused := missing_money(event):
        return refused
    body = present(
        eventDescription=_description(event, dataset),
        countryCode=where.upper(),
        eventTime=rfc3339(time_ms),
        matchKeys=matches,
        eventId=event.event_id,
        consent=consent,
        **_money(event),
    )
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _app(event: Event) -> str | None:
    return _APPS.get((event.client.os or "").lower())


def _description(event: Event, dataset: str | None) -> dict[str, Any]:
    return present(
        name=event.event,
        conversionType=EVENT_TYPES[event.event],
        eventSource={"web": "WEBSITE", "app": _app(event), "offline": "OFFLINE"}[event.source],
        eventIngestionMethod="SERVER_TO_SERVER",
        dataSetName=dataset,
    )


def _money(event: Event) -> dict[str, Any]:
    """Source: value, currencyCode and unitsSold are of purchases."""
    if event.event != "purchase":
        return {}
    shop = event.ecommerce
    units = sum(quantity(item) for item in items(shop)) or None
    if currency(shop) not in _CURRENCIES:
        return {"unitsSold": units}
    return {"value": value(shop), "currencyCode": currency(shop), "unitsSold": units}


def _consent(event: Event) -> dict[str, Any]:
    """Source: "at least one of geo, amazonConsent, tcf and gpp"; strings go along as they came."""
    given = event.consent
    amazon = present(
        amznAdStorage=told(given, "ad_storage", granted="GRANTED", denied="DENIED"),
        amznUserData=told(given, "ad_user_data", granted="GRANTED", denied="DENIED"),
    )
    place = address(event.client)
    found = present(amazonConsent=amazon if len(amazon) == 2 else None, tcf=given.tcf, gpp=given.gpp)
    # An address alone says where somebody is, not what they chose.
    return found | {"geo": {"ipAddress": place}} if found and place else found
