"""A simulated UET Conversions API. Source: Microsoft Advertising, Conversions API guide: errors named by index."""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import bearer, digest, number
from rekindle.sandbox.platforms.simulated import Call, reply


def answer(call: Call) -> Answer:
    """Answer one call."""
    if not bearer(call.headers):
        return Answer(401)
    if not re.fullmatch(r"/v1/[^/]+/events", call.path):
        return Answer(404)
    body: Any = call.body if isinstance(call.body, dict) else {}
    rows = body.get("data") or []
    if not 1 <= len(rows) <= 1000:
        return reply({"error": {"code": "BadRequest", "message": "data must hold 1 to 1000 events"}}, 400)
    faults = {index: name for index, row in enumerate(rows) if (name := _fault(row, call.now_ms // 1000))}
    if not faults:
        return reply({"eventsReceived": len(rows), "traceId": "sandbox"})
    details = [{"index": index, "propertyName": name, "errorMessage": "is invalid"} for index, name in faults.items()]
    error = {"code": "ValidationError", "message": "One or more validation errors occurred.", "details": details}
    going_on = body.get("continueOnValidationError") is True
    received = len(rows) - len(faults) if going_on else 0
    return reply({"eventsReceived": received, "error": error, "traceId": "sandbox"}, 200 if received else 400)


def _fault(event: Any, now_s: int) -> str:
    if event.get("eventType") not in ("pageLoad", "custom"):
        return "eventType"
    when = event.get("eventTime")
    if not isinstance(when, int) or when > now_s:
        return "eventTime"
    # "Event data": eventSourceUrl is required for a pageLoad.
    if event["eventType"] == "pageLoad" and not event.get("eventSourceUrl"):
        return "eventSourceUrl"
    if event.get("adStorageConsent") not in ("G", "D"):
        return "adStorageConsent"
    user = event.get("userData") or {}
    if not user.keys() & {"msclkid", "anonymousId", "externalId", "em", "ph", "idfa", "gaid"}:
        return "userData"
    if any(name in user and not digest(user[name]) for name in ("em", "ph")):
        return "userData.em"
    return _custom_fault(event.get("customData", {}))


def _custom_fault(data: Any) -> str:
    value = data.get("ecommTotalValue")
    if value is not None and not number(value):
        return "customData.ecommTotalValue"
    # "Custom data": value and currency come together; a quantity is an integer.
    if ("value" in data) != ("currency" in data):
        return "customData.currency"
    items = data.get("items", [])
    return "" if all(isinstance(item.get("quantity", 1), int) for item in items) else "customData.items"
