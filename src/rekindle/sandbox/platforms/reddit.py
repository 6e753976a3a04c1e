"""A simulated Reddit Conversions API. Each rule names its source.

[direct] Reddit Ads API v3, Conversions API, "Direct integration"; [errors] the messages documented there.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed, wrong_amount, wrong_currency, wrong_device
from rekindle.sandbox.platforms.simulated import Call, reply

_TYPES = frozenset(
    {
        "PAGE_VISIT", "VIEW_CONTENT", "SEARCH", "ADD_TO_CART", "ADD_TO_WISHLIST", "PURCHASE", "LEAD", "SIGN_UP",
        "CUSTOM",
    }
)  # fmt: skip
_KEYS = frozenset({"email", "phone_number", "external_id", "idfa", "aaid", "uuid"})


def answer(call: Call) -> Answer:
    """Answer as ``conversion_events`` does: one bad event and none is processed."""
    if not re.fullmatch(r"/api/v3/pixels/\w+/conversion_events", call.path) or call.method != "POST":
        return reply({"error": {"code": 404, "message": "Not Found"}}, 404)
    if not bearer(call):
        return reply({"error": {"code": 401, "message": "No bearer token provided"}}, 401)
    if not call.headers.get("user-agent") or "python" in call.headers["user-agent"].lower():
        # [errors] default user agents are throttled.
        return reply({"error": {"code": 429, "message": "Your user agent was automatically ratelimited."}}, 429)
    data = call.body.get("data") if isinstance(call.body, dict) else None
    events = data.get("events") if isinstance(data, dict) else None
    # [direct] 1,000 events a request.
    if not isinstance(events, list) or not 1 <= len(events) <= 1000:
        return reply({"error": {"code": 400, "message": "Bad Request"}}, 400)
    faults = [(number, _fault(event, call.now_ms)) for number, event in enumerate(events)]
    bad = [{"field": f"$.data.events[{number}].{field}", "message": why} for number, (field, why) in faults if why]
    if bad:
        message = f"There were {len(bad)} invalid conversion events. None were processed."
        return reply({"error": {"code": 400, "message": message, "fields": bad}}, 400)
    return reply({"data": {"message": f"Successfully processed {len(events)} conversion events."}})


def _fault(event: dict[str, Any], now_ms: int) -> tuple[str, str]:
    # [direct] event_at in milliseconds, within 7 days and not more than five minutes ahead.
    time = event.get("event_at")
    if not isinstance(time, int) or not now_ms - 7 * 86_400_000 <= time <= now_ms + 300_000:
        return "event_at", "event_at timestamp must be less than 168h0m0s old"
    # [direct] action_source is required.
    if event.get("action_source") not in ("WEBSITE", "APP", "PHYSICAL_STORE", "OTHER"):
        return "action_source", "unknown action source"
    kind = event.get("type", {})
    if kind.get("tracking_type") not in _TYPES:
        return "type.tracking_type", "unknown tracking type"
    # [direct] a custom event has a name of at most 64 characters inside type.
    if (kind["tracking_type"] == "CUSTOM") != (0 < len(kind.get("custom_event_name", "")) <= 64):
        return "type.custom_event_name", "custom events need a name, others have none"
    user = event.get("user", {})
    known = user.keys() & _KEYS or user.keys() >= {"ip_address", "user_agent"} or event.get("click_id")
    if not known:
        return "user", "no match key"
    if event["action_source"] == "PHYSICAL_STORE" and (event.get("click_id") or user.keys() & {"ip_address", "uuid"}):
        return "user", "offline events carry no device identifiers"
    fault = unhashed(user, ("email", "phone_number", "external_id"), lists=False)
    fault = fault or wrong_device(user, "ip_address", "user_agent")
    return ("user", fault) if fault else _metadata_fault(event.get("metadata", {}))


def _metadata_fault(data: dict[str, Any]) -> tuple[str, str]:
    # [direct] value is a double in the base unit of the currency.
    if "value" in data and (fault := wrong_amount(data["value"], text=False)):
        return "metadata.value", fault
    if "currency" in data and (fault := wrong_currency(data["currency"])):
        return "metadata.currency", fault
    if not all(isinstance(each.get("id"), str) for each in data.get("products", [])):
        return "metadata.products", "a product needs an id"
    return "", ""
