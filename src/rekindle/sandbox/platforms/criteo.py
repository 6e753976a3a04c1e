"""A simulated Criteo event collector. Source: Criteo server-to-server events (s2s_v0): HTTP 200, errors in the body."""

from __future__ import annotations

from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms.simulated import Call, reply

_EVENTS = {
    "viewHome", "viewPage", "viewItem", "viewList", "addToCart", "viewBasket", "beginCheckout", "addPaymentInfo",
    "trackTransaction", "login",
}  # fmt: skip


def answer(call: Call) -> Answer:
    """Answer one call."""
    if call.path != "/m/event" or call.query.get("version") != "s2s_v0":
        return Answer(404)
    errors = [{"code": code} for code in _faults(call.body if isinstance(call.body, dict) else {})]
    return reply({"errors": errors, "warnings": []})


def _faults(body: Any) -> list[str]:
    person = body.get("id") or {}
    found = []
    if not body.get("account"):
        found.append("PartnerIdMissing")
    if not (person.get("mapped_user_id") and person.get("mapping_key")) and not person.get("email"):
        found.append("UserIdentifierMissing")
    if body.get("site_type") not in ("d", "m", "t"):
        found.append("SiteTypeInvalid")
    for event in body.get("events") or [{}]:
        if event.get("event") not in _EVENTS:
            found.append("EventNameInvalid")
        if event.get("event") in ("viewItem", "addToCart", "trackTransaction") and not event.get("item"):
            found.append("ItemMissing")
        if event.get("event") == "trackTransaction" and not event.get("id"):
            found.append("TransactionIdMissing")
    return found
