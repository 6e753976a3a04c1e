"""A simulated Amazon Ads Events API. Source: Amazon Ads API v1, "CreateEvent": HTTP 207 with success and error by index."""

from __future__ import annotations

from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import bearer, digest
from rekindle.sandbox.platforms.simulated import Call, reply

_TYPES = {
    "ADD_TO_SHOPPING_CART", "APPLICATION", "CHECKOUT", "CONTACT", "LEAD", "OFF_AMAZON_PURCHASES", "PAGE_VIEW", "SEARCH",
    "MOBILE_APP_FIRST_START", "SIGN_UP", "SUBSCRIBE", "OTHER",
}  # fmt: skip


def answer(call: Call) -> Answer:
    """Answer one call."""
    if not bearer(call.headers):
        return reply({"code": "UNAUTHORIZED", "message": "Not authorized"}, 401)
    if not call.headers.get("amazon-ads-accountid") or not call.headers.get("amazon-ads-clientid"):
        return reply({"code": "BAD_REQUEST", "message": "account and client are required"}, 400)
    body: Any = call.body if isinstance(call.body, dict) else {}
    rows = body.get("events") or []
    if call.path != "/adsApi/v1/create/events" or not 1 <= len(rows) <= 500:
        return reply({"code": "BAD_REQUEST", "message": "events: size must be between 1 and 500"}, 400)
    taken, refused = [], []
    for index, row in enumerate(rows):
        if place := _fault(row):
            fault = {"code": "INVALID_ARGUMENT", "fieldLocation": f"events[{index}].{place}", "message": "is invalid"}
            refused.append({"index": index, "errors": [fault]})
        else:
            taken.append({"index": index})
    return reply({"success": taken, "error": refused}, 207)


def _fault(event: Any) -> str:
    told = event.get("eventDescription") or {}
    if told.get("conversionType") not in _TYPES or not told.get("name") or not told.get("eventSource"):
        return "eventDescription"
    if len(str(event.get("countryCode", ""))) != 2 or not event.get("eventTime"):
        return "countryCode"
    keys = event.get("matchKeys") or []
    if not 1 <= len(keys) <= 11 or not all(len(key["values"]) == 1 and digest(key["values"][0]) for key in keys):
        return "matchKeys"
    if ("value" in event or "currencyCode" in event) and told["conversionType"] != "OFF_AMAZON_PURCHASES":
        return "value"
    return ""
