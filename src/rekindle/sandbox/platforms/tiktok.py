"""A simulated TikTok Events API 2.0. Sources: [track] "Report web, app, offline events"; [codes] "Return codes"; official tag.

Errors come inside HTTP 200. That a batch with one bad event is refused whole is the stricter of what is said.
"""

from __future__ import annotations

from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import digest, number
from rekindle.sandbox.platforms.simulated import Call, reply

_DAY_S = 86_400


def answer(call: Call) -> Answer:
    """Answer one call."""
    if call.path != "/open_api/v1.3/event/track/" or call.method != "POST":
        return _said(40000, "Path not found")
    if call.headers.get("access-token", "expired") == "expired":
        return _said(40105, "Access token is incorrect or has been revoked.")  # [codes]
    body: Any = call.body if isinstance(call.body, dict) else {}
    if body.get("event_source") not in ("web", "app", "offline", "crm") or not body.get("event_source_id"):
        return _said(40002, "event_source: Missing data for required field.")  # [track]
    events = body.get("data") or []
    if not 1 <= len(events) <= 1000:
        return _said(40002, "data: Length must be between 1 and 1000.")  # [track]
    for index, event in enumerate(events):
        if words := _fault(event, call.now_ms // 1000):
            return _said(40002, f"data.{index}.{words}")
    return _said(0, "OK")


def _fault(event: Any, now_s: int) -> str:
    when, user = event.get("event_time"), event.get("user") or {}
    if not event.get("event") or not isinstance(when, int):
        return "event: event and event_time are required."  # [track] seconds
    if not now_s - 7 * _DAY_S <= when <= now_s + 60:
        return "event_time: Invalid timestamp."
    if not user:
        return "user: at least one key."  # [track]
    for name in ("email", "phone", "external_id", "first_name", "last_name", "zip_code"):
        if name in user and not digest(user[name]):
            return f"user.{name}: must be SHA-256."  # [track]
    properties = event.get("properties", {})
    if "value" in properties and not (number(properties["value"]) and properties.get("currency")):
        return "properties.value: must be a number and needs currency."  # [track]
    if any(not isinstance(each.get("content_id"), str) for each in properties.get("contents", [])):
        return "properties.contents: content_id must be a string."  # [track]
    return ""


def _said(code: int, words: str) -> Answer:
    return reply({"code": code, "message": words, "request_id": "20260901115900SANDBOX", "data": {}})
