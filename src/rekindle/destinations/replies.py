"""What the readers of several platforms' answers share: the JSON document in it, and what its status alone says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.connector import Answer, CredentialAction, Disposition, Retry, Verdict


def document(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of the answer; empty when it is HTML, nothing, or half of one."""
    try:
        found = msgspec.json.decode(answer.body)
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}


def text(value: Any) -> str:
    """Return what a platform put where words belong as text, however it wrote it."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def by_status(
    answer: Answer, size: int, words: str = "", *, unauthorised: CredentialAction = "stop", trace: str = ""
) -> Verdict:
    """Return what the status says when the body says nothing better.

    Refusals of the account (401, 403, 404: nothing is wrong with the events) hold; refusals of the request (other 4xx)
    part it; everything else comes again.
    """
    said = masked(f"HTTP {answer.status}: {words}" if words else f"HTTP {answer.status} without an answer of the API")
    status = answer.status
    if status == 401:
        return same("hold", size, credential_action=unauthorised, words=said, trace=trace)
    if status in (403, 404):
        return same("hold", size, credential_action="stop", words=said, trace=trace)
    if status == 429:
        return same("retry", size, retry=Retry(retry_after_ms(answer), throttled=True), words=said, trace=trace)
    if 400 <= status < 500 and status not in (408, 425):
        return same("split" if size > 1 else "permanent", size, words=said, trace=trace)
    return same("retry", size, retry=Retry(retry_after_ms(answer)), words=said, trace=trace)


def named(size: int, bad: Collection[int], words: str, trace: str = "") -> Verdict:
    """Return the verdict of a batch that was refused whole: the named events are bad, the rest goes again.

    Where none is named, the batch is halved.
    """
    if size == 1:
        return same("permanent", 1, words=masked(words), trace=trace)
    parts: tuple[Disposition, ...] = tuple("permanent" if index in bad else "split" for index in range(size))
    return Verdict(parts, words=masked(words), trace=trace[:100])
