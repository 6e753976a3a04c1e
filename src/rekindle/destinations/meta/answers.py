"""Read Meta's answers. Source: Graph API "Handle errors", Conversions API "Troubleshooting", rate-limit codes."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.connector import Answer, Disposition, Retry, Verdict
from rekindle.egress.graph_errors import EXPIRED, FORBIDDEN, NO_ACCESS_SUBCODE, THROTTLED, GraphError

_REFUSED: Final = frozenset({100, 105, 2650, 2655, 1_487_301, 1_487_366})
# Meta names the event in its words: "Invalid parameter: data[3][user_data]…"
_NAMED = re.compile(r"data(?:\[|\.|/)(\d{1,4})", re.ASCII)


class _Body(msgspec.Struct):
    error: GraphError | None = None
    events_received: int | None = None
    fbtrace_id: str = ""


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises: HTML, nothing, or half an answer is a retry."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body, strict=False)
    except UNREADABLE:
        return _unreadable(answer, batch_size)
    trace = body.fbtrace_id or (body.error.fbtrace_id if body.error else "") or answer.headers.get("x-fb-trace-id", "")
    if body.error is not None:
        return _refusal(answer, body.error, batch_size, trace)
    if 200 <= answer.status < 300 and body.events_received is not None:
        if body.events_received >= batch_size:
            return same("delivered", batch_size, trace=trace)
        # Fewer than were sent, and not which: `event_id` keeps those that were taken from counting twice.
        told = f"{body.events_received} of {batch_size} events received"
        if batch_size > 1:
            return same("split", batch_size, words=told, trace=trace)
        return same("retry", 1, retry=Retry(), words=told, trace=trace)
    return _unreadable(answer, batch_size)


def _refusal(answer: Answer, error: GraphError, size: int, trace: str) -> Verdict:
    words = masked(f"code {error.code}/{error.error_subcode}: {error.error_user_msg or error.message}")
    wait = retry_after_ms(answer)
    if error.code in EXPIRED or (answer.status == 401 and error.code not in THROTTLED):
        return same("hold", size, credential_action="stop", words=words, trace=trace)
    if error.code in THROTTLED or answer.status == 429:
        return same("retry", size, retry=Retry(wait, throttled=True), words=words, trace=trace)
    if error.code in FORBIDDEN or (error.code == 100 and error.error_subcode == NO_ACCESS_SUBCODE):
        return same("permanent", size, credential_action="stop", words=words, trace=trace)
    if error.code in _REFUSED and not error.is_transient:
        return Verdict(_parted(error, size), words=words, trace=trace)
    if answer.status == 413:
        return same("split" if size > 1 else "permanent", size, words=words, trace=trace)
    return same("retry", size, retry=Retry(wait), words=words, trace=trace)


def _parted(error: GraphError, size: int) -> tuple[Disposition, ...]:
    """All or nothing is refused: the named events are bad and the rest goes again; unnamed, the batch is halved."""
    if size == 1:
        return ("permanent",)
    told = f"{error.message} {error.error_user_title} {error.error_user_msg} {error.error_data or ''}"
    named = {int(found) for found in _NAMED.findall(told)}
    named = {index for index in named if index < size}
    return tuple("permanent" if index in named else "split" for index in range(size))


def _unreadable(answer: Answer, size: int) -> Verdict:
    words = f"HTTP {answer.status} without an answer of the API"
    if answer.status == 413:
        return same("split" if size > 1 else "permanent", size, words=words)
    if answer.status == 401:
        return same("hold", size, credential_action="stop", words=words)
    wait = retry_after_ms(answer)
    return same("retry", size, retry=Retry(wait, throttled=answer.status == 429), words=words)


__all__ = ["classify"]
