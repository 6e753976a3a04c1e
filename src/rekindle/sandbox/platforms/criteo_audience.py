"""A simulated Criteo contact list. Source: Criteo API 2026-07, ContactlistAmendment: invalid identifiers are counted."""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import bearer, digest
from rekindle.sandbox.platforms.simulated import Call, reply

_PATH = re.compile(r"/\d{4}-\d\d/marketing-solutions/audience-segments/\d+/contact-list", re.ASCII)

_STATISTICS = re.compile(_PATH.pattern + "/statistics", re.ASCII)


def answer(call: Call) -> Answer:
    """Answer one call."""
    if not bearer(call.headers):
        return _error(401, "authorization-token-expired", "The authorization token has expired")
    if call.method == "GET" and _STATISTICS.fullmatch(call.path):
        told = {"numberOfIdentifiers": 200, "numberOfMatches": 130, "matchRate": 65}
        return reply({"data": {"type": "ContactListStatistics", "attributes": told}, "errors": [], "warnings": []})
    body: Any = call.body if isinstance(call.body, dict) else {}
    told = body.get("data", {}).get("attributes", {})
    if call.method != "PATCH" or not _PATH.fullmatch(call.path):
        return _error(404, "audience-invalid", "The audience is invalid")
    kind, found = told.get("identifierType"), told.get("identifiers") or []
    if told.get("operation") not in ("add", "remove") or kind not in ("email", "gum", "madid", "identityLink"):
        return _error(400, "model-validation-error", "operation and identifierType are required")
    if kind == "gum" and not told.get("gumCallerId"):
        return _error(400, "model-validation-error", "gumCallerId is required")
    if not 1 <= len(found) <= 50_000:
        return _error(400, "model-validation-error", "identifiers must hold 1 to 50000")
    bad = sum(not digest(each) for each in found) if kind == "email" else 0
    attributes = {"operation": told["operation"], "identifierType": kind, "nbValidIdentifiers": len(found) - bad,
                  "nbInvalidIdentifiers": bad, "sampleInvalidIdentifiers": []}  # fmt: skip
    return reply({"data": {"type": "ContactlistAmendment", "attributes": attributes}, "errors": [], "warnings": []})


def _error(status: int, code: str, words: str) -> Answer:
    return reply({"errors": [{"traceId": "sandbox", "type": "validation", "code": code, "detail": words}]}, status)
