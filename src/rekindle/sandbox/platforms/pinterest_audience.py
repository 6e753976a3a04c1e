"""A simulated Pinterest customer list. Source of its rules: Pinterest API v5 (OpenAPI 5.13), `customer_lists/update`.

A list is worked through in the first half of each hour, by its clock; a list whose number ends in 9 has trouble, and
one that ends in 0 has fewer than 100 people ([status] `CustomerList.status`, `exceptions`).
"""

from __future__ import annotations

import re

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed
from rekindle.sandbox.platforms.simulated import Call, reply


def answer(call: Call) -> Answer:
    """Answer as `customer_lists/update` does: the list, still processing."""
    found = re.fullmatch(r"/v5/ad_accounts/\d{1,18}/customer_lists/(\d{1,18})", call.path)
    if found is None or call.method not in ("PATCH", "GET"):
        return reply({"code": 404, "message": "Not found."}, 404)
    if not bearer(call):
        return reply({"code": 2, "message": "Authentication failed."}, 401)
    if call.method == "GET":
        return reply(_list(found[1], call.now_ms))
    body = call.body if isinstance(call.body, dict) else {}
    records = str(body.get("records", "")).split(",")
    # required: operation_type and records, a text with commas.
    if body.get("operation_type") not in ("ADD", "REMOVE") or not isinstance(body.get("records"), str):
        return reply({"code": 1, "message": "operation_type and records are wanted"}, 400)
    if any(unhashed({"record": each}, ("record",), lists=False) for each in records):
        return reply({"code": 1, "message": "a record is no hash"}, 400)
    return reply({"id": found[1], "type": "customerlist", "status": "PROCESSING", "num_batches": 2})


def _list(number: str, now_ms: int) -> dict[str, object]:
    # [status] PROCESSING, READY, TOO_SMALL, UPLOADING.
    done = "TOO_SMALL" if number.endswith("0") else "READY"
    state = "PROCESSING" if now_ms % 3_600_000 < 1_800_000 else done
    trouble = {"exceptions": {"invalid_records": 1}} if number.endswith("9") else {}
    return {"id": number, "type": "customerlist", "status": state, "num_batches": 2, **trouble}
