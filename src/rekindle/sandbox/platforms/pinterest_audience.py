"""A simulated Pinterest customer list. Source of its rules: Pinterest API v5 (OpenAPI 5.13), `customer_lists/update`."""

from __future__ import annotations

import re

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed
from rekindle.sandbox.platforms.simulated import Call, reply


def answer(call: Call) -> Answer:
    """Answer as `customer_lists/update` does: the list, still processing."""
    found = re.fullmatch(r"/v5/ad_accounts/\d{1,18}/customer_lists/(\d{1,18})", call.path)
    if found is None or call.method != "PATCH":
        return reply({"code": 404, "message": "Not found."}, 404)
    if not bearer(call):
        return reply({"code": 2, "message": "Authentication failed."}, 401)
    body = call.body if isinstance(call.body, dict) else {}
    records = str(body.get("records", "")).split(",")
    # required: operation_type and records, a text with commas.
    if body.get("operation_type") not in ("ADD", "REMOVE") or not isinstance(body.get("records"), str):
        return reply({"code": 1, "message": "operation_type and records are wanted"}, 400)
    if any(unhashed({"record": each}, ("record",), lists=False) for each in records):
        return reply({"code": 1, "message": "a record is no hash"}, 400)
    return reply({"id": found[1], "type": "customerlist", "status": "PROCESSING", "num_batches": 2})
