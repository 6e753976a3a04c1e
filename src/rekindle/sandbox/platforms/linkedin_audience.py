"""A simulated LinkedIn DMP segment. Source of its rules: LinkedIn Marketing API, "DMP segment users"."""

from __future__ import annotations

import re

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer, unhashed
from rekindle.sandbox.platforms.linkedin import refusal
from rekindle.sandbox.platforms.simulated import Call, reply


def answer(call: Call) -> Answer:
    """Answer as ``dmpSegments/{id}/users`` does: 201 for each, also for who was there already or is not."""
    if re.fullmatch(r"/rest/dmpSegments/\d+", call.path) and call.method == "GET" and bearer(call):
        # "Segment destinations": status, and counts once it has been built.
        told = {"destination": "LINKEDIN", "status": "READY", "matchedCount": 40, "audienceSize": 300}
        return reply({"id": 1, "type": "USER", "inputCount": 50, "destinations": [told]})
    if not re.fullmatch(r"/rest/dmpSegments/\d+/users", call.path) or call.method != "POST":
        return reply({"status": 404, "message": "Not found"}, 404)
    if refused := refusal(call):
        return refused
    elements = call.body.get("elements") if isinstance(call.body, dict) else None
    if not isinstance(elements, list) or not 1 <= len(elements) <= 5000:
        return reply({"status": 400, "message": "elements must hold 1 to 5000 users"}, 400)
    statuses = []
    for each in elements:
        ids = each.get("userIds", [])
        good = each.get("action") in ("ADD", "REMOVE") and bool(ids)
        for one in ids:
            named = {"idValue": one.get("idValue")}
            good = good and one.get("idType") == "SHA256_EMAIL" and not unhashed(named, ("idValue",), lists=False)
        statuses.append({"status": 201} if good else {"status": 400, "error": {"message": "Invalid user"}})
    return reply({"elements": statuses})
