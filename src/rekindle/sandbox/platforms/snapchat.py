"""A simulated Snap Conversions API. Each rule names its source.

[params] Snap Conversions API v3, "Parameters"; [use] "Using the API"; [window] "Introduction", 37 days back.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed, wrong_amount, wrong_currency, wrong_device
from rekindle.sandbox.platforms.simulated import Call, reply

_HASHED = ("em", "ph", "ge", "db", "ln", "fn", "ct", "st", "zp", "country", "external_id")
_NAMES = frozenset(
    {
        "PAGE_VIEW", "VIEW_CONTENT", "ADD_CART", "ADD_TO_WISHLIST", "SIGN_UP", "SEARCH", "PURCHASE", "ADD_BILLING",
        "START_CHECKOUT", "LIST_VIEW", "LOGIN", "SUBSCRIBE", "SAVE", "SHARE",
    }
)  # fmt: skip


def answer(call: Call) -> Answer:
    """Answer as ``/events`` and ``/events/validate`` do; one bad event refuses the whole request."""
    if not re.fullmatch(r"/v3/[\w-]+/events(?:/validate)?", call.path) or call.method != "POST":
        return reply({"status": "INVALID", "reason": "Not found"}, 404)
    if not bearer(call) and "access_token" not in call.query:
        return reply({"status": "INVALID", "reason": "Unauthorized"}, 401)
    events = call.body.get("data") if isinstance(call.body, dict) else None
    # [use] "The root data array contains 1 or multiple events"; at most 2,000.
    if not isinstance(events, list) or not 1 <= len(events) <= 2000:
        return reply({"status": "INVALID", "reason": "data must hold 1 to 2000 events"}, 400)
    for event in events:
        if fault := _fault(event, call.now_ms // 1000):
            return reply({"status": "INVALID", "reason": fault}, 400)
    return reply({"status": "VALID", "reason": "All events were successfully processed"})


def _fault(event: dict[str, Any], now: int) -> str:
    # [params] required of every event.
    if missing := {"event_name", "event_time", "action_source", "user_data"} - event.keys():
        return f"missing {sorted(missing)}"
    if event["event_name"] not in _NAMES:
        return "unknown event_name"
    if event["action_source"] not in ("WEB", "MOBILE_APP", "OFFLINE"):
        return "unknown action_source"
    if event["action_source"] == "WEB" and not event.get("event_source_url"):
        return "web events need event_source_url"
    if event["action_source"] == "MOBILE_APP" and not event.get("app_data"):
        return "app events need app_data"
    time = event["event_time"]
    if not isinstance(time, int) or not now - 37 * 86_400 <= time <= now + 600:
        return "Invalid event_time"
    user, custom = event["user_data"], event.get("custom_data", {})
    # [params] one of em, ph, madid, or the pair of address and user agent.
    if not (user.keys() & {"em", "ph", "madid"} or user.keys() >= {"client_ip_address", "client_user_agent"}):
        return "No matching key"
    if event["event_name"] == "PURCHASE" and not custom.keys() >= {"value", "currency"}:
        return "PURCHASE needs value and currency"
    return (
        unhashed(user, _HASHED, lists=True)
        or wrong_device(user, "client_ip_address", "client_user_agent")
        or _custom_fault(custom)
        or _limited_fault(event)
    )


def _custom_fault(custom: dict[str, Any]) -> str:
    if "value" in custom and (fault := wrong_amount(custom["value"], text=False)):
        return fault
    if "currency" in custom and (fault := wrong_currency(custom["currency"])):
        return fault
    return "" if all(each.get("id") for each in custom.get("contents", [])) else "contents need an id"


def _limited_fault(event: dict[str, Any]) -> str:
    # [params] limited use: an array, as Meta has it.
    options = event.get("data_processing_options", [])
    return "" if options in ([], ["LDU"]) else "data_processing_options must be an array"
