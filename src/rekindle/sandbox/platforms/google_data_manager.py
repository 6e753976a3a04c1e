"""A simulated Data Manager API v1. Sources: [proto] google.ads.datamanager.v1; [limits] "Limits and quotas"; [err] "Errors".

Ingest calls are only taken; what becomes of them is asked by ``requestStatus:retrieve``. A request's id says when it came,
of which kind it was, how many records it had and how many of them are going to be refused, so that no state is kept.
[diag] "Diagnostics": "wait for 30 minutes"; here 45 minutes pass until a request is decided.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from rekindle.egress.connector import Answer
from rekindle.model.clock import parse_rfc3339
from rekindle.sandbox.platforms._rules import bearer, digest, number
from rekindle.sandbox.platforms.simulated import Call, reply

_SOURCES: Final = {"WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"}
_CONSENT: Final = {"CONSENT_GRANTED", "CONSENT_DENIED"}
_REGION = re.compile(r"[A-Z]{2}")
_TICKET = re.compile(r"sandbox-(events|ingest|remove)-(\d+)-(\d+)-(\d+)-(\d+)", re.ASCII)
_DECIDED_MS: Final = 45 * 60_000
# Each conversion action has a look-back of its own; this one's is 30 days.
_TOO_OLD_MS: Final = 30 * 86_400_000


def answer(call: Call) -> Answer:
    """Answer one call, of events, of members, or for a status."""
    if not bearer(call.headers):
        return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    if call.method == "GET" and call.path == "/v1/requestStatus:retrieve":
        return _status(call)
    body: Any = call.body if isinstance(call.body, dict) else {}
    kinds = {"/v1/events:ingest": ("events", 2000), "/v1/audienceMembers:ingest": ("audienceMembers", 10_000),
             "/v1/audienceMembers:remove": ("audienceMembers", 10_000)}  # fmt: skip
    if call.path not in kinds:
        return _error(404, "NOT_FOUND", "Method not found.")
    name, most = kinds[call.path]
    rows = body.get(name) or []
    if not 1 <= len(rows) <= most:
        return _refuse(name, f"must hold 1 to {most}")  # [limits]
    if not 1 <= len(body.get("destinations") or []) <= 10:
        return _refuse("destinations", "must hold 1 to 10")  # [limits]
    if any(not each.get("operatingAccount", {}).get("accountId") for each in body["destinations"]):
        return _refuse("destinations[0].operating_account", "is required")  # [proto]
    if body.get("encoding") not in ("HEX", "BASE64") and any("userData" in row for row in rows):
        return _refuse("encoding", "is required with user data")  # [proto]
    for index, row in enumerate(rows):
        fault = _event(row, call.now_ms) if name == "events" else _member(row)
        if fault:
            return _refuse(f"{name}[{index}].{fault}", "is invalid")
    kind = call.path.rpartition(":")[2] if name == "audienceMembers" else "events"
    refused = Counter(_reason(row, body, call.now_ms, kind) for row in rows)
    old, denied = refused["EVENT_TOO_OLD"], refused["DENIED_CONSENT"]
    return reply({"requestId": f"sandbox-{kind}-{call.now_ms}-{len(rows)}-{old}-{denied}"})


def _reason(row: Any, body: Any, now_ms: int, kind: str) -> str:
    """Return for which reason a record that was taken is refused later, or ""."""
    if kind == "events" and parse_rfc3339(row["eventTimestamp"]) < now_ms - _TOO_OLD_MS:
        return "EVENT_TOO_OLD"  # [proto] ProcessingErrorReason
    consent = row.get("consent") or body.get("consent") or {}
    if kind == "ingest" and "CONSENT_DENIED" in consent.values():
        return "DENIED_CONSENT"  # [proto] ProcessingErrorReason
    return ""


def _status(call: Call) -> Answer:
    found = _TICKET.fullmatch(call.query.get("requestId", ""))
    if found is None:
        return _refuse("request_id", "is invalid")
    kind, came, rows, old, denied = found[1], *(int(found[number]) for number in range(2, 6))
    each: dict[str, Any] = {"requestStatus": "PROCESSING"}
    if call.now_ms >= came + _DECIDED_MS:
        counts = {"EVENT_TOO_OLD": old, "DENIED_CONSENT": denied}
        errors = [
            {"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(count)}
            for reason, count in counts.items()
            if count
        ]
        bad = old + denied
        each["requestStatus"] = "SUCCESS" if not bad else "FAILED" if bad == rows else "PARTIAL_SUCCESS"  # [proto]
        each |= {"errorInfo": {"errorCounts": errors}} if errors else {}
        if kind == "ingest":
            told = {"recordCount": str(rows), "uploadMatchRateRange": "MATCH_RATE_RANGE_61_TO_70"}
            each["audienceMembersIngestionStatus"] = {"userDataIngestionStatus": told}
    return reply({"requestStatusPerDestination": [each]})


def _event(event: Any, now_ms: int) -> str:
    try:
        when = parse_rfc3339(event["eventTimestamp"])
    except (KeyError, ValueError, TypeError):
        return "event_timestamp"  # [proto] required
    if when > now_ms + 600_000:
        return "event_timestamp"
    if event.get("eventSource") not in _SOURCES:
        return "event_source"
    if not event.get("adIdentifiers") and not event.get("userData"):
        return "ad_identifiers"
    if not set(event.get("consent", {}).values()) <= _CONSENT:
        return "consent"
    if "conversionValue" in event and not (number(event["conversionValue"]) and event.get("currency")):
        return "conversion_value"
    if any(not item.get("merchantProductId") for item in event.get("cartData", {}).get("items", [])):
        return "cart_data.items"
    return _member(event) if "userData" in event else ""


def _member(row: Any) -> str:
    found = row.get("userData", {}).get("userIdentifiers") or []
    if not 1 <= len(found) <= 10:
        return "user_data.user_identifiers"  # [limits]
    for each in found:
        if ("emailAddress" in each and not digest(each["emailAddress"])) or (
            "phoneNumber" in each and not digest(each["phoneNumber"])
        ):
            return "user_data.user_identifiers"
        where = each.get("address")
        # [proto] all four, the names hashed, the place in clear.
        if where is not None and not (
            digest(where.get("givenName")) and digest(where.get("familyName")) and where.get("postalCode")
            and _REGION.fullmatch(where.get("regionCode", ""))
        ):  # fmt: skip
            return "user_data.user_identifiers.address"
    return ""


def _refuse(field: str, words: str) -> Answer:
    violation = {"field": field, "description": words}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return _error(400, "INVALID_ARGUMENT", "There was a problem with the request.", details)  # [err]


def _error(code: int, status: str, words: str, details: Any = ()) -> Answer:
    return reply({"error": {"code": code, "status": status, "message": words, "details": list(details)}}, code)
