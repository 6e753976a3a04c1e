"""A simulated GA4 Measurement Protocol. Sources: [ref] "Protocol reference"; [limits] "Limitations"; [val] "Validate events".

The collection point answers 204 to everything, as the real one does; only ``/debug/mp/collect`` tells what is wrong.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import number
from rekindle.sandbox.platforms.simulated import Call, reply

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)


def answer(call: Call) -> Answer:
    """Answer one call."""
    if call.path == "/mp/collect":
        return Answer(204)
    if call.path != "/debug/mp/collect":
        return Answer(404)
    # [val] the validation server checks the body, and not the api_secret.
    return reply({"validationMessages": faults(call)})


def faults(call: Call) -> list[dict[str, str]]:
    """Return what is wrong with a call, as the validation server words it."""
    found: list[dict[str, str]] = []

    def fault(code: str, words: str) -> None:
        found.append({"fieldPath": "events", "description": words, "validationCode": code})

    body: Any = call.body if isinstance(call.body, dict) else {}
    if not call.query.get("measurement_id") or not call.query.get("api_secret"):
        fault("VALUE_REQUIRED", "measurement_id and api_secret are required.")  # [ref]
    if not body.get("client_id"):
        fault("VALUE_REQUIRED", "Measurement requires a client_id.")  # [ref]
    events = body.get("events") or []
    if not 1 <= len(events) <= 25:
        fault("EXCEEDED_MAX_ENTITIES", "Requests can have a maximum of 25 events.")  # [limits]
    for index, event in enumerate(events):
        params = event.get("params", {})
        if not _NAME.fullmatch(str(event.get("name", ""))):
            fault("NAME_INVALID", f"Event at index: [{index}] has an invalid name.")  # [ref]
        if len(params.get("items", [])) > 200:
            fault("EXCEEDED_MAX_ENTITIES", f"Event at index: [{index}] has more than 200 items.")  # [limits]
        if "value" in params and not (number(params["value"]) and params.get("currency")):
            fault("VALUE_INVALID", f"Event at index: [{index}]: value must be a number and needs currency.")  # [ref]
        if not call.now_ms - 72 * 3_600_000 <= event.get("timestamp_micros", 0) // 1000 <= call.now_ms:
            fault("VALUE_OUT_OF_BOUNDS", f"Event at index: [{index}] is more than 72 hours old.")  # [ref]
    return found
