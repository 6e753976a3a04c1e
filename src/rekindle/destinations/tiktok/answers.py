"""Read TikTok's answers: the HTTP status is 200 for nearly all of them, ``code`` says what happened.

Source: TikTok API for Business v1.3, "Return codes". Events and audiences share them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.connector import Answer, Retry, Verdict

_TAKEN: Final = 0
# Taken in part: events that are sent again are known by their ids, so the batch is parted until the bad one is alone.
_PARTLY: Final = 20001
_THROTTLED: Final = frozenset({40016, 40100, 40133})
_NO_RIGHT: Final = 40001
# A token that is missing, wrong, expired or withdrawn: only a new one helps.
_TOKEN: Final = frozenset(range(40101, 40111))


class _Body(msgspec.Struct):
    code: int | None = None
    message: str = ""
    request_id: str = ""


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises: HTML, nothing, or half an answer is a retry."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body, strict=False)
    except UNREADABLE:
        return by_status(answer, batch_size)
    code, trace = body.code, body.request_id
    if code is None:
        return by_status(answer, batch_size)
    words = masked(f"code {code}: {body.message}")
    if code == _TAKEN and 200 <= answer.status < 300:
        return same("delivered", batch_size, trace=trace)
    if code in _THROTTLED or answer.status == 429:
        return same("retry", batch_size, retry=Retry(retry_after_ms(answer), throttled=True), words=words, trace=trace)
    if code in _TOKEN or answer.status == 401:
        return same("hold", batch_size, credential_action="stop", words=words, trace=trace)
    if code == _NO_RIGHT:
        # Nothing of this batch would be taken later by itself, and every other batch would be refused as well.
        return same("permanent", batch_size, credential_action="stop", words=words, trace=trace)
    if code == _PARTLY or 40000 <= code < 41000:
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words, trace=trace)
    return same("retry", batch_size, retry=Retry(retry_after_ms(answer)), words=words, trace=trace)
