"""A simulated OpenAI Ads Conversions API. Each rule names its source.

[api] OpenAI Ads, "Conversions API"; [events] "Supported events". The words of its errors are ours: no page shows them.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed, wrong_currency, wrong_device
from rekindle.sandbox.platforms.simulated import Call, reply

# [events] the name, and the shape of its data.
_TYPES = {
    "page_viewed": "contents", "contents_viewed": "contents", "items_added": "contents",
    "checkout_started": "contents", "order_created": "contents", "lead_created": "customer_action",
    "registration_completed": "customer_action", "appointment_scheduled": "customer_action",
    "subscription_created": "plan_enrollment", "trial_started": "plan_enrollment", "custom": "custom",
}  # fmt: skip
_SOURCES = frozenset({"web", "mobile_app", "offline", "physical_store", "phone_call", "email", "other"})
_HASHED = ("emails_sha256", "phone_numbers_sha256", "external_ids_sha256", "first_names_sha256", "last_names_sha256")
_CLEAR = frozenset({"cities", "regions", "postal_codes", "countries"})
_USER = frozenset({*_HASHED, *_CLEAR, "obref", "ip_address", "user_agent", "android_advertising_id"})
# [events] "unknown fields are rejected".
_CONTENT = frozenset(
    {"id", "group_id", "name", "content_type", "quantity", "amount", "currency", "variant_dict"}
)  # fmt: skip
_DAY_MS = 86_400_000


def answer(call: Call) -> Answer:
    """Answer as ``/v1/events`` does: "If one event in the batch fails, the full batch fails" [api]."""
    if call.path != "/v1/events" or call.method != "POST" or not call.query.get("pid"):
        return _refused("Not found", status=404)
    if not bearer(call):
        return _refused("Incorrect API key provided", status=401)
    events = call.body.get("events") if isinstance(call.body, dict) else None
    # [api] up to 1,000 events.
    if not isinstance(events, list) or not 1 <= len(events) <= 1000:
        return _refused("events must hold 1 to 1000 events", "events")
    for number, event in enumerate(events):
        field, why = _fault(event, call.now_ms)
        if why:
            return _refused(why, f"events[{number}].{field}")
    return reply({"accepted_events": len(events)})


def _refused(message: str, param: str | None = None, status: int = 400) -> Answer:
    return reply({"error": {"message": message, "type": "invalid_request_error", "param": param}}, status)


def _fault(event: dict[str, Any], now_ms: int) -> tuple[str, str]:
    if not isinstance(event.get("id"), str) or not event["id"]:
        return "id", "must not be empty"
    # [api] "within the last 7 days and no more than 10 minutes ahead".
    time = event.get("timestamp_ms")
    if not isinstance(time, int) or not now_ms - 7 * _DAY_MS <= time <= now_ms + 600_000:
        return "timestamp_ms", "must be within the last 7 days and no more than 10 minutes ahead"
    if event.get("type") not in _TYPES:
        return "type", "is no supported event"
    if event.get("action_source", "web") not in _SOURCES:
        return "action_source", "is no supported source"
    # [api] required for web, with scheme and host.
    if event.get("action_source") == "web" and not re.match(r"https?://[^/]+", event.get("source_url", "")):
        return "source_url", "is required when action_source is web"
    if "opt_out" in event and not isinstance(event["opt_out"], bool):
        return "opt_out", "must be true or false"
    if "oppref" in event and not event["oppref"]:
        return "oppref", "must not be empty"
    if "user" in event and (fault := _user_fault(event["user"])):
        return "user", fault
    return _data_fault(event.get("data"), _TYPES[event["type"]])


def _user_fault(user: Any) -> str:
    if not isinstance(user, dict) or not user or user.keys() - _USER:
        return "must be an object of known fields, and not empty"
    for key in _CLEAR & user.keys():
        # [api] in clear; a value that looks like a hash was hashed by mistake.
        if not isinstance(user[key], list) or any(re.fullmatch("[0-9a-f]{64}", each) for each in user[key]):
            return f"{key} must be a list of values in clear"
    if not all(re.fullmatch("[A-Z]{2}", each) for each in user.get("countries", ())):
        return "countries must be two letters"
    return unhashed(user, _HASHED, lists=True) or wrong_device(user, "ip_address", "user_agent")


def _data_fault(data: Any, shape: str) -> tuple[str, str]:
    if not isinstance(data, dict) or data.get("type") != shape:
        return "data.type", f"must be {shape}"
    if fault := _money_fault(data):
        return "data", fault
    # [events] customer_action has no contents.
    if "contents" in data and shape == "customer_action":
        return "data.contents", "is not taken here"
    for content in data.get("contents", ()):
        if content.keys() - _CONTENT or not content.get("id") or not isinstance(content.get("quantity", 1), int):
            return "data.contents", "must be objects of known fields"
        if fault := _money_fault({"currency": data.get("currency")} | content):
            return "data.contents", fault
    return "", ""


def _money_fault(part: dict[str, Any]) -> str:
    # [events] "integers in the currency's lowest denomination"; an amount needs a currency.
    if "amount" not in part:
        return ""
    if not isinstance(part["amount"], int) or isinstance(part["amount"], bool) or part["amount"] < 0:
        return "amount must be an integer"
    return wrong_currency(part.get("currency"))
