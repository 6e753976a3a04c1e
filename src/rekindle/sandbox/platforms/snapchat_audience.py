"""A simulated Snap customer list. Source of its rules: Snap Marketing API, "Customer lists"."""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed
from rekindle.sandbox.platforms.simulated import Call, reply


def answer(call: Call) -> Answer:
    """Answer as ``segments/{id}/users`` does."""
    if (found := re.fullmatch(r"/v1/segments/(\d+)", call.path)) and call.method == "GET" and bearer(call):
        # "Attributes": read only.
        segment = {"id": found[1], "approximate_number_users": 900, "upload_status": "COMPLETE",
                   "targetable_status": "TOO_FEW_USERS"}  # fmt: skip
        return reply({"request_status": "SUCCESS", "segments": [{"sub_request_status": "SUCCESS", "segment": segment}]})
    if not re.fullmatch(r"/v1/segments/\d+/users", call.path) or call.method not in ("POST", "DELETE"):
        return _error("Resource can not be found", 404)
    if not bearer(call):
        return _error("unauthorized", 401)
    users = call.body.get("users") if isinstance(call.body, dict) else None
    if not isinstance(users, list) or len(users) != 1:
        return _error("users must hold one list", 400)
    part: dict[str, Any] = users[0]
    schema, rows = part.get("schema"), part.get("data", [])
    # One kind of identifier a list; at most 100,000 rows of one hash.
    if schema not in (["EMAIL_SHA256"], ["PHONE_SHA256"], ["MOBILE_AD_ID_SHA256"]) or not 1 <= len(rows) <= 100_000:
        return _error("one schema and 1 to 100000 rows are wanted", 400)
    if any(len(row) != 1 or unhashed({"hash": row[0]}, ("hash",), lists=False) for row in rows):
        return _error("Invalid hash", 400)
    result = {"sub_request_status": "SUCCESS", "user": {"number_uploaded_users": len(rows)}}
    return reply({"request_status": "SUCCESS", "request_id": "57ae54d8", "users": [result]})


def _error(words: str, status: int) -> Answer:
    return reply({"request_status": "ERROR", "debug_message": words}, status)
