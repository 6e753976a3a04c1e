"""Read Amazon's answers: HTTP 207 names success and error by index. Source: Amazon Ads API v1, Events, "CreateEvent"."""

from __future__ import annotations

import msgspec

from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, masked
from rekindle.egress.connector import Answer, Disposition, Retry, Verdict

_LATER = frozenset({"INTERNAL_ERROR", "TOO_MANY_REQUESTS", "THROTTLED"})


class _Fault(msgspec.Struct):
    code: str = ""
    message: str = ""
    fieldLocation: str = ""  # noqa: N815


class _Taken(msgspec.Struct):
    index: int


class _Refused(msgspec.Struct):
    index: int
    errors: list[_Fault] = []


class _Body(msgspec.Struct):
    success: list[_Taken] | None = None
    error: list[_Refused] | None = None


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises. An event that is in neither list is sent again: its id keeps it from counting twice."""
    trace = answer.headers.get("x-amzn-requestid", "") or answer.headers.get("x-amz-request-id", "")
    if not 200 <= answer.status < 300:
        return by_status(answer, batch_size, words=_message(answer), trace=trace, unauthorised="refresh")
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except UNREADABLE:
        return by_status(answer, batch_size, trace=trace)
    if body.success is None and body.error is None:
        return by_status(answer, batch_size, trace=trace)
    told: dict[int, Disposition] = {one.index: "delivered" for one in body.success or ()}
    for one in body.error or ():
        told[one.index] = "retry" if any(fault.code in _LATER for fault in one.errors) else "permanent"
    faults = [fault for one in body.error or () for fault in one.errors]
    words = masked("; ".join(f"{fault.code} {fault.fieldLocation}: {fault.message}" for fault in faults[:3]))
    per_event: tuple[Disposition, ...] = tuple(told.get(index, "retry") for index in range(batch_size))
    return Verdict(per_event, retry=Retry() if "retry" in per_event else None, words=words, trace=trace)


class _Message(msgspec.Struct):
    code: str = ""
    message: str = ""


def _message(answer: Answer) -> str:
    try:
        body = msgspec.json.decode(answer.body, type=_Message)
    except UNREADABLE:
        return ""
    return masked(f"{body.code}: {body.message}") if body.code or body.message else ""
