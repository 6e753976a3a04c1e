"""A simulated TikTok segment. Source: TikTok API for Business v1.3, ``/segment/mapping/``; "Return codes"."""

from __future__ import annotations

from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import digest
from rekindle.sandbox.platforms.simulated import Call, reply

_SCHEMA = {"EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256", "AAID_SHA256"}


def answer(call: Call) -> Answer:
    """Answer one call."""
    if call.headers.get("access-token", "expired") == "expired":
        return _said(40105, "Access token is incorrect or has been revoked.")
    body: Any = call.body if isinstance(call.body, dict) else {}
    if call.path != "/open_api/v1.3/segment/mapping/" or body.get("action") not in ("add", "delete"):
        return _said(40002, "action: Must be one of: add, delete.")
    schema, rows = body.get("id_schema") or [], body.get("batch_data") or []
    if not set(schema) <= _SCHEMA or not body.get("advertiser_ids") or not 1 <= len(rows) <= 10_000:
        return _said(40002, "id_schema, advertiser_ids and batch_data are required.")
    for index, row in enumerate(rows):
        known = [each for each in row if each]
        if len(row) != len(schema) or not known or not all(digest(each["id"]) for each in known):
            return _said(40002, f"batch_data.{index}: does not fit id_schema.")
        if not all(each.get("audience_ids") for each in known):
            return _said(40002, f"batch_data.{index}: audience_ids is required.")
    return _said(0, "OK")


def _said(code: int, words: str) -> Answer:
    return reply({"code": code, "message": words, "request_id": "20260901115900SANDBOX", "data": {}})
