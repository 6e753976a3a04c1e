"""A simulated Meta custom audience. Each rule names its source.

[list] Meta Marketing API v25, "Customer file custom audiences"; [replace] "Custom Audience Usersreplace"; [limited] "Data processing options for US users".
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed
from rekindle.sandbox.platforms.simulated import Call, reply

_COLUMNS = frozenset(
    {
        "EMAIL", "PHONE", "FN", "LN", "GEN", "DOBY", "DOBM", "DOBD", "CT", "ST", "ZIP", "COUNTRY", "MADID",
        "EXTERN_ID", "DATA_PROCESSING_OPTIONS",
    }
)  # fmt: skip


def answer(call: Call) -> Answer:
    """Answer as ``{audience}/users`` does; a row that matches no form is counted, not refused."""
    size = re.fullmatch(r"/v\d+\.0/(\d+)", call.path)
    if size is not None and call.method == "GET" and bearer(call):
        # [list] "Custom Audience", fields: bounds instead of a number, and how the last operation went.
        status = {"code": 200, "description": "Normal"}
        return reply({"id": size[1], "approximate_count_lower_bound": 1000, "approximate_count_upper_bound": 1200,
                      "operation_status": status})  # fmt: skip
    found = re.fullmatch(r"/v\d+\.0/(\d+)/users(replace)?", call.path)
    if found is None or call.method not in (("POST",) if found[2] else ("POST", "DELETE")):
        return _error(100, "Unsupported request", 400)
    if not bearer(call):
        return _error(190, "Session has expired", 401)
    payload = call.body.get("payload") if isinstance(call.body, dict) else None
    if not isinstance(payload, dict):
        return _error(100, "(#100) payload is missing", 400)
    if found[2] and (fault := _session_fault(call.body.get("session"))):
        return _error(100, f"(#100) {fault}", 400)
    columns, rows = payload.get("schema"), payload.get("data")
    # [list] "only up to 10000 at a time".
    if not isinstance(rows, list) or not 1 <= len(rows) <= 10_000:
        return _error(100, "(#100) data must hold 1 to 10000 rows", 400)
    if not isinstance(columns, list) or not set(columns) <= _COLUMNS or any(len(row) != len(columns) for row in rows):
        return _error(100, "(#100) schema and data do not fit", 400)
    invalid = sum(bool(_row_fault(dict(zip(columns, row, strict=True)))) for row in rows)
    return reply({"audience_id": found[1], "num_received": len(rows), "num_invalid_entries": invalid})


def _session_fault(session: Any) -> str:
    # [replace] Custom Audience Usersreplace: session_id, batch_seq from 1, last_batch_flag, estimated_num_total.
    if not isinstance(session, dict) or not isinstance(session.get("session_id"), int):
        return "session.session_id is missing"
    if not isinstance(session.get("batch_seq"), int) or session["batch_seq"] < 1:
        return "session.batch_seq must be 1 or more"
    return "" if isinstance(session.get("last_batch_flag"), bool) else "session.last_batch_flag must be true or false"


def _row_fault(row: dict[str, Any]) -> str:
    # [limited] a nested array: ["LDU"], or [] where it is off.
    if row.pop("DATA_PROCESSING_OPTIONS", []) not in ([], ["LDU"]):
        return "DATA_PROCESSING_OPTIONS must be an array"
    known = {key: value for key, value in row.items() if value != ""}
    return "" if known and not unhashed(known, tuple(known), lists=False) else "no hashes"


def _error(code: int, words: str, status: int) -> Answer:
    return reply({"error": {"code": code, "message": words, "type": "OAuthException"}}, status)
