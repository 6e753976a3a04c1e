"""A simulated LinkedIn Conversions API. Each rule names its source.

[stream] LinkedIn Conversions API, "Streaming conversion events"; [batch] Rest.li 2.0, batch create.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed, wrong_amount, wrong_currency
from rekindle.sandbox.platforms.simulated import Call, reply

_KINDS = frozenset({"SHA256_EMAIL", "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "ACXIOM_ID", "ORACLE_MOAT_ID"})


def answer(call: Call) -> Answer:
    """Answer as ``conversionEvents`` does: a status for each element, or a refusal that names them."""
    if call.path != "/rest/conversionEvents" or call.method != "POST":
        return reply({"status": 404, "message": "Not found"}, 404)
    if refused := refusal(call):
        return refused
    elements = call.body.get("elements") if isinstance(call.body, dict) else None
    # [stream] 5,000 events a batch.
    if not isinstance(elements, list) or not 1 <= len(elements) <= 5000:
        return reply({"status": 400, "message": "elements must hold 1 to 5000 events"}, 400)
    faults = [_fault(element, call.now_ms) for element in elements]
    bad = [number for number, fault in enumerate(faults) if fault]
    if bad:
        told = f"Invalid elements at indices {bad}: {faults[bad[0]]}"
        return reply({"status": 400, "message": told}, 400)
    return reply({"elements": [{"status": 201} for _ in elements]})


def refusal(call: Call) -> Answer | None:
    """Return the refusal of a call without a token, a version or the batch's method; also for audiences."""
    if not bearer(call):
        return reply({"status": 401, "serviceErrorCode": 65600, "message": "Invalid access token"}, 401)
    # [stream] the version's header is wanted; [batch] a batch names its method and protocol.
    if not re.fullmatch(r"20\d{4}", call.headers.get("linkedin-version", "")):
        return reply({"status": 426, "message": "A version must be present"}, 426)
    wanted = {"x-restli-method": "BATCH_CREATE", "x-restli-protocol-version": "2.0.0"}
    if any(call.headers.get(name) != value for name, value in wanted.items()):
        return reply({"status": 400, "message": "The batch method or protocol is missing"}, 400)
    return None


def _fault(event: dict[str, Any], now_ms: int) -> str:
    if not re.fullmatch(r"urn:lla:llaPartnerConversion:\d+", str(event.get("conversion"))):
        return "conversion must be a URN"
    # [stream] milliseconds, within 90 days.
    time = event.get("conversionHappenedAt")
    if not isinstance(time, int) or not now_ms - 90 * 86_400_000 <= time <= now_ms + 600_000:
        return "conversionHappenedAt must be milliseconds within 90 days"
    user = event.get("user", {})
    # [stream] userIds is required, and may be empty where both names are there.
    if not isinstance(user.get("userIds"), list):
        return "user.userIds is missing"
    info = user.get("userInfo", {})
    if not user["userIds"] and not info.keys() >= {"firstName", "lastName"}:
        return "nobody can be matched"
    for each in user["userIds"]:
        if each.get("idType") not in _KINDS:
            return "unknown idType"
        if each["idType"] == "SHA256_EMAIL" and (
            fault := unhashed({"idValue": each["idValue"]}, ("idValue",), lists=False)
        ):
            return fault
    value = event.get("conversionValue")
    if value is None:
        return ""
    return wrong_amount(value.get("amount"), text=True) or wrong_currency(value.get("currencyCode"))
