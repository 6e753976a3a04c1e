"""A simulated customer list. Source: Campaign Management API v13, ``CustomerListUserData/Apply``: partial errors by index."""

from __future__ import annotations

from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import bearer, digest
from rekindle.sandbox.platforms.simulated import Call, reply


def answer(call: Call) -> Answer:
    """Answer one call."""
    if not bearer(call.headers):
        return _fault(401, 109, "AuthenticationTokenExpired")
    if not all(call.headers.get(name) for name in ("developertoken", "customerid", "customeraccountid")):
        return _fault(401, 105, "InvalidCredentials")
    body: Any = call.body if isinstance(call.body, dict) else {}
    told = body.get("CustomerListUserData") or {}
    items = told.get("CustomerListItems") or []
    if told.get("ActionType") not in ("Add", "Remove") or not told.get("AudienceId") or not items:
        return _fault(400, 100, "NullRequest")
    errors = [
        {"Index": index, "Code": 5100, "ErrorCode": "CustomerListItemInvalid", "Message": "The item is invalid."}
        for index, item in enumerate(items)
        if not digest(item)
    ]
    return reply({"PartialErrors": errors})


def _fault(status: int, code: int, name: str) -> Answer:
    errors = [{"Code": code, "ErrorCode": name, "Message": name}]
    return reply({"Errors": errors, "TrackingId": "sandbox", "Type": "AdApiFaultDetail"}, status)
