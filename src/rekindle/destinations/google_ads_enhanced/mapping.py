"""One upload in Google Ads' words. Source: Google Ads API v23, ConversionAdjustment, ClickConversion, UserIdentifier.

An enhancement adds identifiers to a conversion the tag has recorded, found by its order. A refund of the whole order
retracts it; a partial one would need the order's new total, which a refund event does not tell, and is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from rekindle.destinations.google import consent_of, identifiers
from rekindle.destinations.shared import (
    DAY_MS,
    agent,
    app_missing,
    currency,
    event_time_ms,
    missing_money,
    present,
    value,
)
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.event import Event, User
from rekindle.model.outcome import Reason

# "CONVERSION_ADJUSTMENT … older than 55 days"; clicks older than the longest window, 90 days, are refused.
_ADJUSTMENT_MS: Final = 55 * DAY_MS
_CLICK_MS: Final = 90 * DAY_MS
_MOST_IDENTIFIERS: Final = 5


def moment(ms: int) -> str:
    """Return ``2026-09-01 11:59:00+00:00``, the only form Google Ads takes."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


def map_adjustment(event: Event, action: str, region: str | None, plus: str) -> Mapped | Rejected:
    """Return an enhancement, or a retraction for a refund."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if refused := app_missing(event, 'a conversion that a tag has recorded (upload = "click" records it)'):
        return refused
    order = event.ecommerce.transaction_id
    if not order:
        return Rejected(Reason.MISSING_FIELD, "ecommerce.transaction_id (the conversion is found by it)")
    body: dict[str, Any] = {"conversionAction": action, "orderId": order}
    if event.event == "refund":
        if event.ecommerce.items or event.ecommerce.value is not None:
            return Rejected("partial-refund", "a refund of a part does not tell what the order is worth now")
        body |= {"adjustmentType": "RETRACTION", "adjustmentDateTime": moment(time_ms)}
        return Mapped(event.event_id, body, time_ms, time_ms + _ADJUSTMENT_MS)
    if event.ldu is not None and event.ldu.enabled:
        return Rejected("limited-use", "an adjustment has no field for consent; identifiers stay here")
    people = _identifiers(event.user, region, plus)
    if not people:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone or whole postal address")
    body |= {"adjustmentType": "ENHANCEMENT", "userIdentifiers": people}
    if shown := agent(event.client):
        body["userAgent"] = shown
    return Mapped(event.event_id, body, time_ms, time_ms + _ADJUSTMENT_MS)


def map_click(event: Event, action: str, region: str | None, plus: str) -> Mapped | Rejected:
    """Return a click conversion: the conversion itself, known by click id or by the person."""
    time_ms = event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if event.event == "refund":
        return Rejected(Reason.NOT_MAPPED, "refunds go by adjustments")
    client = event.client
    # "Only one of gclid, gbraid and wbraid"; identifiers are not taken beside gbraid or wbraid.
    click = next(({name: found} for name in ("gclid", "gbraid", "wbraid") if (found := getattr(client, name))), {})
    people = [] if click.keys() & {"gbraid", "wbraid"} else _identifiers(event.user, region, plus)
    if not click and not people:
        return Rejected(Reason.NO_MATCH_KEY, "no gclid, gbraid, wbraid, e-mail, phone or whole postal address")
    if refused := missing_money(event):
        return refused
    data, personal = consent_of(event.consent, event.ldu)
    body = present(
        **click,
        conversionAction=action,
        conversionDateTime=moment(time_ms),
        conversionValue=value(event.ecommerce),
        currencyCode=currency(event.ecommerce) if value(event.ecommerce) is not None else None,
        orderId=event.ecommerce.transaction_id or event.event_id,
        userIdentifiers=people,
        consent=present(adUserData=data, adPersonalization=personal),
        conversionEnvironment={"web": "WEB", "app": "APP"}.get(event.source),
    )
    return Mapped(event.event_id, body, time_ms, time_ms + _CLICK_MS)


def _identifiers(user: User, region: str | None, plus: str) -> list[dict[str, Any]]:
    found = identifiers(user, region, plus)
    listed: list[dict[str, Any]] = []
    if "email" in found:
        listed.append({"hashedEmail": found["email"]})
    if "phone" in found:
        listed.append({"hashedPhoneNumber": found["phone"]})
    if "country" in found:
        listed.append(
            {
                "addressInfo": {
                    "hashedFirstName": found["first_name"],
                    "hashedLastName": found["last_name"],
                    "countryCode": found["country"],
                    "postalCode": found["postal_code"],
                }
            }
        )
    return [{"userIdentifierSource": "FIRST_PARTY", **each} for each in listed[:_MOST_IDENTIFIERS]]
