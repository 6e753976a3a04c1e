"""Read Google Ads' answers. Source: Google Ads API v23, "Partial failure", "Handle errors", conversion upload errors."""

from __future__ import annotations

from typing import Final

import msgspec

from rekindle.destinations.google import refusal
from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.connector import Answer, Disposition, Retry, Verdict

# The conversion is not yet there, or somebody else writes to it: the same upload is right a little later.
_LATER: Final = frozenset(
    {"CONCURRENT_MODIFICATION", "TRANSIENT_ERROR", "INTERNAL_ERROR", "TOO_RECENT_CONVERSION", "TOO_RECENT_EVENT",
     "TOO_RECENT_CONVERSION_ACTION", "TOO_RECENT_CALL", "DEADLINE_EXCEEDED"}
)  # fmt: skip
_EXPIRED: Final = frozenset({"OAUTH_TOKEN_EXPIRED", "OAUTH_TOKEN_INVALID", "NOT_AUTHENTICATED"})
_STOP: Final = frozenset(
    {"OAUTH_TOKEN_REVOKED", "OAUTH_TOKEN_DISABLED", "USER_PERMISSION_DENIED", "DEVELOPER_TOKEN_NOT_APPROVED",
     "DEVELOPER_TOKEN_PROHIBITED", "CUSTOMER_NOT_ENABLED", "NOT_ADS_USER", "CUSTOMER_NOT_FOUND"}
)  # fmt: skip


class _Place(msgspec.Struct):
    fieldName: str = ""  # noqa: N815
    index: int | None = None


class _Location(msgspec.Struct):
    fieldPathElements: list[_Place] = []  # noqa: N815


class _Fault(msgspec.Struct):
    errorCode: dict[str, str] = {}  # noqa: N815
    message: str = ""
    location: _Location = msgspec.field(default_factory=_Location)


class _Failure(msgspec.Struct):
    errors: list[_Fault] = []
    requestId: str = ""  # noqa: N815


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""
    details: list[_Failure] = []


class _Body(msgspec.Struct):
    partialFailureError: _Status | None = None  # noqa: N815
    results: list[dict[str, object]] | None = None
    error: _Status | None = None


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Never raises. In a partial failure each fault names its upload by index; the others are delivered."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body, strict=False)
    except UNREADABLE:
        return by_status(answer, batch_size, unauthorised="refresh")
    if not 200 <= answer.status < 300:
        return _refused(answer, body.error, batch_size)
    failed = body.partialFailureError
    if failed is None or (not failed.code and not failed.details):
        found = body.results is not None
        return same("delivered", batch_size) if found else by_status(answer, batch_size)
    faults = [fault for detail in failed.details for fault in detail.errors]
    per_event: list[Disposition] = ["delivered"] * batch_size
    for fault in faults:
        index = next((place.index for place in fault.location.fieldPathElements if place.index is not None), None)
        if index is None or not 0 <= index < batch_size:
            return _unnamed(body, failed, batch_size)
        if per_event[index] != "permanent":
            per_event[index] = "retry" if _codes(fault) & _LATER else "permanent"
    if not faults:
        return _unnamed(body, failed, batch_size)
    trace = next((detail.requestId for detail in failed.details if detail.requestId), "")
    again = Retry(retry_after_ms(answer)) if "retry" in per_event else None
    return Verdict(tuple(per_event), retry=again, words=_words(faults) or masked(failed.message), trace=trace)


def _unnamed(body: _Body, failed: _Status, size: int) -> Verdict:
    """Without names, an empty result is a refused upload ("results … empty for failed operations")."""
    if body.results is not None and len(body.results) == size:
        told: tuple[Disposition, ...] = tuple("delivered" if each else "permanent" for each in body.results)
        return Verdict(told, words=masked(failed.message))
    return same("split" if size > 1 else "permanent", size, words=masked(failed.message))


def _refused(answer: Answer, error: _Status | None, size: int) -> Verdict:
    faults = [fault for detail in (error.details if error else []) for fault in detail.errors]
    codes = {code for fault in faults for code in _codes(fault)}
    words = _words(faults)
    if codes & _LATER:
        return same("retry", size, retry=Retry(retry_after_ms(answer)), words=words)
    if codes & _STOP:
        return same("hold", size, credential_action="stop", words=words)
    if codes & _EXPIRED:
        return same("hold", size, credential_action="refresh", words=words)
    verdict = refusal(answer, size)
    return msgspec.structs.replace(verdict, words=words or verdict.words)


def _codes(fault: _Fault) -> set[str]:
    return set(fault.errorCode.values())


def _words(faults: list[_Fault]) -> str:
    return masked("; ".join(f"{'/'.join(sorted(_codes(fault)))}: {fault.message}" for fault in faults[:3]))
