"""A simulated Pinterest Conversions API. Each rule names its source.

[openapi] Pinterest API v5 (OpenAPI 5.13), `events/create`: ConversionEvents, ConversionEventsUserData, responses.
[window]  7 days, as integrations report it.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed, wrong_amount, wrong_currency, wrong_device
from rekindle.sandbox.platforms.simulated import Call, reply

_NAMES = frozenset(
    {
        "add_payment_info", "add_to_cart", "add_to_wishlist", "checkout", "custom", "initiate_checkout", "lead",
        "page_visit", "search", "signup", "view_category", "view_content", "watch_video",
    }
)  # fmt: skip
_HASHED = ("em", "ph", "ge", "db", "ln", "fn", "ct", "st", "zp", "country", "external_id", "hashed_maids")
_EVENT = frozenset(
    {
        "event_name", "action_source", "event_time", "event_id", "event_source_url", "opt_out", "partner_name",
        "user_data", "custom_data", "app_id", "app_name", "app_version", "device_brand", "device_carrier",
        "device_model", "device_type", "os_version", "wifi", "language",
    }
)  # fmt: skip
_CUSTOM = frozenset(
    {
        "currency", "value", "content_ids", "content_name", "content_category", "content_brand", "contents",
        "num_items", "order_id", "search_string", "opt_out_type", "np",
    }
)  # fmt: skip
_CONTENT = frozenset({"id", "item_price", "quantity", "item_name", "item_category", "item_brand"})


def answer(call: Call) -> Answer:
    """Answer as `events/create` and `conversion_eqs/list` do."""
    if re.fullmatch(r"/v5/ad_accounts/\d{1,18}/conversion_eqs", call.path) and call.method == "GET" and bearer(call):
        # [openapi] EventQualityScore; lookback_period is required.
        if call.query.get("lookback_period") not in ("1d", "14d"):
            return reply({"code": 1, "message": "lookback_period is required"}, 400)
        emails = {"checkout": {"coverage": 82.5}, "page_visit": {"coverage": 12}}
        return reply([{"overall_status": "FAIR", "source_platform": "WEB", "ingestion_source": "CONVERSIONS_API",
                       "lookback_period": "1d", "quality_components": {"hashed_email": emails}}])  # fmt: skip
    if not re.fullmatch(r"/v5/ad_accounts/\d{1,18}/events", call.path) or call.method != "POST":
        return reply({"code": 404, "message": "Not found."}, 404)
    if not bearer(call):
        return reply({"code": 2, "message": "Authentication failed."}, 401)
    events = call.body.get("data") if isinstance(call.body, dict) else None
    # [openapi] minItems 1, maxItems 1000, no further properties.
    if not isinstance(events, list) or not 1 <= len(events) <= 1000 or call.body.keys() != {"data"}:
        return reply({"code": 4196, "message": "The request was invalid."}, 400)
    faults = [_fault(event, call.now_ms // 1000) for event in events]
    statuses = [{"status": "failed", "error_message": each} if each else {"status": "processed"} for each in faults]
    body = {
        "num_events_received": len(events),
        "num_events_processed": faults.count(""),
        "events": statuses,
    }
    if any(faults):
        return reply({"code": 1, "message": "Not all events were successfully processed.", "details": body}, 422)
    return reply(body)


def _fault(event: Any, now: int) -> str:
    if not isinstance(event, dict) or not event.keys() <= _EVENT:
        return "unknown fields"
    # [openapi] required: event_name, action_source, event_time, user_data, event_id.
    if missing := {"event_name", "action_source", "event_time", "user_data", "event_id"} - event.keys():
        return f"missing {sorted(missing)}"
    if event["event_name"] not in _NAMES:
        return "unknown event_name"
    if event["action_source"] not in ("app_android", "app_ios", "web", "offline"):
        return "unknown action_source"
    time = event["event_time"]
    if not isinstance(time, int) or not now - 7 * 86_400 <= time <= now + 600:
        return "event_time must be seconds within 7 days"
    return _user_fault(event["user_data"]) or _custom_fault(event.get("custom_data", {}))


def _user_fault(user: dict[str, Any]) -> str:
    # [openapi] at least one of em, hashed_maids, or the pair of address and user agent.
    if not (user.keys() & {"em", "hashed_maids"} or user.keys() >= {"client_ip_address", "client_user_agent"}):
        return "not enough user data"
    return unhashed(user, _HASHED, lists=True) or wrong_device(user, "client_ip_address", "client_user_agent")


def _custom_fault(custom: dict[str, Any]) -> str:
    if not custom.keys() <= _CUSTOM:
        return "unknown custom_data"
    # [openapi] "Accepted as a string in the request".
    if "value" in custom and (fault := wrong_amount(custom["value"], text=True)):
        return fault
    if "currency" in custom and (fault := wrong_currency(custom["currency"])):
        return fault
    for content in custom.get("contents", []):
        if not content.keys() <= _CONTENT or not isinstance(content.get("id"), str):
            return "contents need an id and nothing unknown"
        if "item_price" in content and (fault := wrong_amount(content["item_price"], text=True)):
            return fault
    return "" if all(isinstance(each, str) for each in custom.get("content_ids", [])) else "content_ids must be strings"
