"""Read Reddit's answers. Source: Reddit Ads API v3, Conversions API, "Direct integration", error messages.

A batch with one bad event is refused whole (400); the answer names the events by their place
(``error.fields[].field``: ``$.data.events[0].user.UUID``).
"""

from __future__ import annotations

import re
from typing import Any, Final

from rekindle.destinations.replies import by_status, document, named, text
from rekindle.egress.answers import masked, same
from rekindle.egress.connector import Answer, Verdict

_PLACE: Final = re.compile(r"events\[(\d{1,4})\]", re.ASCII)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises: what cannot be read is a retry."""
    body = document(answer)
    if 200 <= answer.status < 300 and body:
        return same("delivered", batch_size)
    error = body.get("error") if isinstance(body.get("error"), dict) else body
    fields = [each for each in _list(error, "fields") if isinstance(each, dict)]
    details = [text(each.get("message")) for each in fields]
    # Version 2 echoes the bad events, without their place.
    details += [text(each.get("error_message")) for each in _list(body, "invalid_events") if isinstance(each, dict)]
    message = text(error.get("message")) if isinstance(error, dict) else ""
    words = " ".join(filter(None, (message, *details)))
    if answer.status == 400:
        places = {int(found) for each in fields for found in _PLACE.findall(text(each.get("field")))}
        return named(batch_size, {place for place in places if place < batch_size}, words)
    if answer.status == 403:
        # No right to the pixel, or no adsconversions scope: every other event would be refused as well.
        return same("permanent", batch_size, credential_action="stop", words=masked(words or "HTTP 403"))
    return by_status(answer, batch_size, words, unauthorised="refresh")


def _list(body: Any, key: str) -> list[Any]:
    found = body.get(key) if isinstance(body, dict) else None
    return found if isinstance(found, list) else []
