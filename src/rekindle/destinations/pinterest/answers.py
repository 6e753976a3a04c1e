"""Read Pinterest's answers: each event has its own status, with 200 as with 422.

Source: Pinterest API v5 (OpenAPI 5.13), `events/create`: ConversionApiResponse, DetailedError, Error.
"""

from __future__ import annotations

from typing import Any

from rekindle.destinations.replies import by_status, document, text
from rekindle.egress.answers import masked, same
from rekindle.egress.connector import Answer, Disposition, Verdict


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises: what cannot be read is a retry."""
    body = document(answer)
    words = text(body.get("message"))
    if answer.status in (200, 422):
        statuses = _statuses(body)
        if len(statuses) == batch_size:
            told = next((text(each.get("error_message")) for each in statuses if each.get("error_message")), words)
            return Verdict(tuple(_disposition(each) for each in statuses), words=masked(told))
        if answer.status == 200 and body.get("num_events_processed") == batch_size:
            return same("delivered", batch_size)
        if answer.status == 200 and not body:
            return same("retry", batch_size, words="HTTP 200 without an answer of the API")
        return same("split" if batch_size > 1 else "permanent", batch_size, words=masked(words or "not all were taken"))
    return by_status(answer, batch_size, f"code {body['code']}: {words}" if "code" in body else words)


def _statuses(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statuses of the events, in their order; a 422 has them in ``details`` or at the top."""
    details = body.get("details")
    for place in (body, details if isinstance(details, dict) else {}):
        found = place.get("events")
        if isinstance(found, list) and all(isinstance(each, dict) for each in found):
            return found
    return []


def _disposition(event: dict[str, Any]) -> Disposition:
    return "delivered" if event.get("status") == "processed" else "permanent"
