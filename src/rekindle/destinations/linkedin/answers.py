"""Read LinkedIn's answers, for events and for audiences. Source: LinkedIn Marketing API, "Error handling", batch create.

A batch is answered with a status for each element; a batch that is refused whole names the bad ones by their index
(400 "indices [0, 3]", 422 "Index: 3").
"""

from __future__ import annotations

import re
from typing import Any, Final

from rekindle.destinations.replies import by_status, document, named, text
from rekindle.egress.answers import masked, retry_after_ms, same
from rekindle.egress.connector import Answer, CredentialAction, Disposition, Retry, Verdict

# Service error codes of 401: the token is expired or unknown (ask for another), or was revoked (a person must agree).
_ACTIONS: Final[dict[int, CredentialAction]] = {65_600: "refresh", 65_601: "stop", 65_602: "refresh"}
_INDICES: Final = re.compile(r"(?i)\bind(?:ex|ices)\s*:?\s*\[?((?:\d{1,4})(?:\s*,\s*\d{1,4})*)", re.ASCII)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises: what cannot be read is a retry."""
    body = document(answer)
    words, trace = text(body.get("message")), answer.headers.get("x-li-uuid", "")
    if 200 <= answer.status < 300:
        elements = body.get("elements")
        if isinstance(elements, list) and elements:
            if len(elements) == batch_size:
                return _each(answer, elements, trace)
            # Whose statuses these are nobody can say; `eventId` keeps what was taken from counting twice.
            told = f"{len(elements)} statuses for {batch_size} events"
            return same("retry", batch_size, retry=Retry(), words=told, trace=trace)
        # One that was created (201, without a body), or a batch without statuses.
        readable = body or (answer.status == 201 and not answer.body)
        return same("delivered", batch_size, trace=trace) if readable else same("retry", batch_size, retry=Retry())
    code = body.get("serviceErrorCode")
    if answer.status == 401:
        action = _ACTIONS.get(code, "refresh") if isinstance(code, int) else "refresh"
        return same("hold", batch_size, credential_action=action, words=masked(f"{code}: {words}"), trace=trace)
    if answer.status in (400, 422):
        told = f"{words} {text(body.get('errorDetails'))}"
        found = {int(each) for group in _INDICES.findall(told) for each in group.split(",")}
        return named(batch_size, {each for each in found if each < batch_size}, words, trace)
    if answer.status == 426:
        # NONEXISTENT_VERSION: LinkedIn has switched this version of its API off. The events are good.
        told = masked(f"HTTP 426: {text(body.get('code'))} {words}")
        return same("hold", batch_size, credential_action="stop", words=told, trace=trace)
    return by_status(answer, batch_size, words, trace=trace)


def _each(answer: Answer, elements: list[Any], trace: str) -> Verdict:
    parts = tuple(_disposition(each) for each in elements)
    bad = [each for each, part in zip(elements, parts, strict=True) if part != "delivered"]
    error = bad[0].get("error") if bad and isinstance(bad[0], dict) else None
    words = text(error.get("message") if isinstance(error, dict) else error)
    throttled = any(isinstance(each, dict) and each.get("status") == 429 for each in bad)
    retry = Retry(retry_after_ms(answer), throttled=throttled) if "retry" in parts else None
    return Verdict(parts, retry=retry, words=masked(words), trace=trace[:100])


def _disposition(element: Any) -> Disposition:
    status = element.get("status") if isinstance(element, dict) else None
    if not isinstance(status, int):
        return "retry"
    if 200 <= status < 300:
        return "delivered"
    return "permanent" if 400 <= status < 500 and status not in (401, 403, 408, 429) else "retry"
