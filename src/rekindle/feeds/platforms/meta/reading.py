"""Read the Catalog Batch API's answers. Sources: Marketing API v25, "Product Catalog Items Batch", "Check Batch Request Status"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.connector import Answer, Disposition, Retry, Verdict
from rekindle.egress.graph_errors import EXPIRED, FORBIDDEN, NO_ACCESS_SUBCODE, THROTTLED, GraphError
from rekindle.feeds.push.platform import Entry, Look, Reason, Reply

# "Please reduce the amount of data you're asking for": the request was too large in bytes.
_TOO_LARGE: Final = 1
_REDUCE: Final = "reduce the amount of data"
_OPEN: Final = frozenset({"started", "dispatched", "in_progress"})


class _Message(msgspec.Struct):
    message: str = ""


class _Validation(msgspec.Struct):
    retailer_id: str = ""
    errors: list[_Message] = []


class _Taken(msgspec.Struct):
    handles: list[str] | None = None
    validation_status: list[_Validation] = []
    error: GraphError | None = None


class _ItemError(msgspec.Struct):
    id: str = ""
    message: str = ""


class _Status(msgspec.Struct):
    status: str = ""
    errors: list[_ItemError] = []
    errors_total_count: int = 0
    warnings: list[_ItemError] = []
    ids_of_invalid_requests: list[str] = []


class _Statuses(msgspec.Struct):
    data: list[_Status] | None = None
    error: GraphError | None = None


def _decoded(answer: Answer, kind: Any) -> Any:
    try:
        return msgspec.json.decode(answer.body, type=kind, strict=False)
    except UNREADABLE:
        return None


def changes(answer: Answer, entries: Sequence[Entry]) -> Reply:
    """Read the answer to a batch: a handle for what was taken, and what is wrong with single items already."""
    size = len(entries)
    body: _Taken | None = _decoded(answer, _Taken)
    if body is None or (body.error is None and body.handles is None):
        return Reply(_unreadable(answer, size))
    if body.error is not None:
        return _refusal(answer, body.error, size)
    bad = {each.retailer_id: each.errors[0].message for each in body.validation_status if each.errors}
    reasons = {
        place: Reason("validation", masked(bad[entry.id])) for place, entry in enumerate(entries) if entry.id in bad
    }
    if body.handles:
        parted: Disposition = "accepted"
    elif reasons:
        parted = "split"  # nothing was taken because of some; the others go again
    else:
        return Reply(_unreadable(answer, size))
    each: tuple[Disposition, ...] = tuple("permanent" if place in reasons else parted for place in range(size))
    ticket = body.handles[0] if body.handles else ""
    return Reply(Verdict(each, ticket=ticket), reasons)


def _refusal(answer: Answer, error: GraphError, size: int) -> Reply:
    words = masked(f"code {error.code}/{error.error_subcode}: {error.error_user_msg or error.message}")
    trace = error.fbtrace_id
    wait = retry_after_ms(answer)
    if error.code in EXPIRED:
        return Reply(same("hold", size, credential_action="stop", words=words, trace=trace))
    if error.code in THROTTLED or answer.status == 429:
        return Reply(same("retry", size, retry=Retry(wait, throttled=True), words=words, trace=trace))
    if error.code in FORBIDDEN or (error.code == 100 and error.error_subcode == NO_ACCESS_SUBCODE):
        return Reply(same("hold", size, credential_action="stop", words=words, trace=trace))
    large = answer.status == 413 or (error.code == _TOO_LARGE and _REDUCE in error.message.lower())
    if large or (error.code == 100 and not error.is_transient):
        if size > 1:
            return Reply(same("split", size, words=words, trace=trace))
        return Reply(same("permanent", size, words=words, trace=trace), {0: Reason(f"code-{error.code}", words)})
    return Reply(same("retry", size, retry=Retry(wait), words=words, trace=trace))


def _unreadable(answer: Answer, size: int) -> Verdict:
    words = f"HTTP {answer.status} without an answer of the API"
    if answer.status in (401, 403):
        return same("hold", size, credential_action="stop", words=words)
    if answer.status == 413 and size > 1:
        return same("split", size, words=words)
    return same("retry", size, retry=Retry(retry_after_ms(answer), throttled=answer.status == 429), words=words)


def status(answer: Answer) -> Look:
    """Read what became of a batch. All ids of refused items come; words only for the first of them."""
    body: _Statuses | None = _decoded(answer, _Statuses)
    if body is not None and body.error is not None:
        words = masked(f"code {body.error.code}: {body.error.message}")
        unknown = body.error.code == 100 and body.error.error_subcode != NO_ACCESS_SUBCODE
        # A handle that Meta does not know (any more) is an invalid parameter.
        return Look("lost" if unknown else "waiting", words=words, after_ms=retry_after_ms(answer))
    if body is None or not body.data:
        return Look("waiting", words=f"HTTP {answer.status} without a status", after_ms=retry_after_ms(answer))
    told = body.data[0]
    if told.status in _OPEN:
        return Look("waiting", words=told.status, after_ms=retry_after_ms(answer))
    if told.status != "finished":
        return Look("lost", words=masked(f"the batch ended as {told.status!r}"))
    reasons = {each.id: Reason("warning", masked(each.message), refused=False) for each in told.warnings if each.id}
    reasons |= {identity: Reason("refused", "Meta gives no words") for identity in told.ids_of_invalid_requests}
    reasons |= {each.id: Reason("refused", masked(each.message)) for each in told.errors if each.id}
    return Look("decided", reasons)
