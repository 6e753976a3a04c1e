"""The gateway's description in OpenAPI 3.1, made of the types that decode and encode; served at ``/openapi.json``.

What other rooms mount describes itself (`rekindle.model.web.Route`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from rekindle.collect._shapes import WireEvent
from rekindle.collect.answers import Answer, Refusal

_REF: Final = "#/components/schemas/"
_KEPT: Final = "The events are on stable storage."


class Envelope(msgspec.Struct):
    """What the tag sends: events, and the time of the sender's clock when it sent them."""

    events: list[WireEvent]
    sent_at: str | None = None


def document(mounted: Iterable[Mapping[str, Any]], version: str, *, tag_events: int, api_events: int) -> dict[str, Any]:
    """Return the description; ``mounted`` are path items by path, the numbers the most events a request may hold."""
    paths = _own(tag_events, api_events)
    for items in mounted:
        paths |= items
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rekindle gateway",
            "version": version,
            "description": "Takes events from pages and servers; hands out the tag, feeds and ads.",
        },
        "servers": [{"url": "/"}],
        "paths": {path: {method: _complete(found) for method, found in item.items()} for path, item in paths.items()},
        "components": {
            "schemas": _schemas(),
            "responses": {
                "Refused": _json("Refused, with what to do.", "Refusal"),
                "Unavailable": _json("Nothing was stored; send the same again later.", "Refusal")
                | {"headers": {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}},
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A key with the right `events:write`."},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    }


def _own(tag_events: int, api_events: int) -> dict[str, dict[str, Any]]:
    """Describe what the gateway answers itself."""
    shop = {"name": "w", "in": "query", "schema": {"type": "string"}, "description": "The workspace, where a page's origin is in several."}  # fmt: skip
    return {
        "/e": {
            "post": {
                "summary": "Take events from a page (the browser tag's address)",
                "description": "The origin must be one of the shop's. The content type does not matter.",
                "parameters": [shop],
                "requestBody": _events(tag_events, "text/plain"),
                "responses": _answers("204", "403") | {"204": {"description": _KEPT}},
            },
            "options": {
                "summary": "Answer a preflight",
                "parameters": [shop],
                "responses": {"204": {"description": "Allowed."}, "403": {"$ref": "#/components/responses/Refused"}},
            },
        },
        "/v1/events": {
            "post": {
                "summary": "Take events from a server",
                "description": "Good events are kept when others of the request are bad; 400 when all are bad.",
                "security": [{"bearer": []}, {"key": []}],
                "requestBody": _events(api_events),
                "responses": _answers("401") | {
                    "200": _json(_KEPT, "Answer"),
                    "400": _json("No event could be taken, or the body cannot be read.", "Answer", "Refusal"),
                },
            }
        },
        "/livez": {"get": {"summary": "Does the process live?", "responses": {"200": _text("It does.")}}},
        "/readyz": {
            "get": {
                "summary": "Does it take events?",
                "responses": {"200": _text("It does."), "503": _text("It is ending, or the log takes nothing.")},
            }
        },
        "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": _text("Samples.")}}},
        "/openapi.json": {
            "get": {
                "summary": "This description",
                "responses": {
                    "200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}
                },
            }
        },
    }  # fmt: skip


def _events(most: int, *other_types: str) -> dict[str, Any]:
    schema = {
        "anyOf": [
            {"$ref": f"{_REF}Event"},
            {"type": "array", "items": {"$ref": f"{_REF}Event"}, "maxItems": most},
            {"$ref": f"{_REF}Envelope"},
        ]
    }
    example = {
        "event": "purchase",
        "event_id": "order-1001",
        "event_time": "2026-09-01T11:59:00Z",
        "user": {"email": "anna@example.com"},
        "ecommerce": {
            "transaction_id": "1001",
            "value": 39.9,
            "currency": "PLN",
            "items": [{"item_id": "MUG-RED", "price": 39.9, "quantity": 1}],
        },
        "consent": {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"},
    }
    kinds = ("application/json", *other_types)
    return {"required": True, "content": {kind: {"schema": schema, "example": example} for kind in kinds}}


def _answers(*more: str) -> dict[str, Any]:
    """Return the refusals that every address has that takes a body."""
    codes = ("400", "405", "408", "413", "415", *(code for code in more if code.startswith("4")))
    found: dict[str, Any] = {code: {"$ref": "#/components/responses/Refused"} for code in sorted(codes)}
    return found | {"503": {"$ref": "#/components/responses/Unavailable"}}


def _complete(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Add what any address may answer: 503 when nothing can be done now."""
    responses = {"503": {"$ref": "#/components/responses/Unavailable"}} | dict(operation["responses"])
    return dict(operation) | {"responses": dict(sorted(responses.items()))}


def _json(description: str, *names: str) -> dict[str, Any]:
    refs = [{"$ref": _REF + name} for name in names]
    schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def _schemas() -> dict[str, Any]:
    """Return the types' schemas; the wire's own forms stand under the names of the model."""
    _refs, found = msgspec.json.schema_components([WireEvent, Envelope, Answer, Refusal], ref_template=_REF + "{name}")
    renamed: dict[str, Any] = _renamed(dict(found))
    return renamed


def _renamed(part: Any) -> Any:
    if isinstance(part, dict):
        if part.get("format") == "decimal":
            # Amounts are taken as numbers and as text, and must be neither negative nor beyond a million millions.
            return {
                "oneOf": [{"type": "number", "minimum": 0, "maximum": 1e12}, {"type": "string", "format": "decimal"}]
            }
        return {key.removeprefix("Wire"): _renamed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_renamed(each) for each in part]
    if isinstance(part, str):
        return part.replace(f"{_REF}Wire", _REF).removeprefix("Wire") if part.startswith((_REF, "Wire")) else part
    return part
