"""Errors of Google's APIs. Sources: google.rpc.Status; Google Ads API "Handle errors"; Merchant API "Handle error responses"."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rekindle.egress.answers import UNREADABLE
from rekindle.egress.connector import Answer

# Nothing is wrong with what was sent: another account, a missing right, a project without the API.
HOLD: Final = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED"})
RETRY: Final = frozenset({"ABORTED", "UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "UNKNOWN", "CANCELLED"})


class Violation(msgspec.Struct):
    """One field that Google refuses."""

    field: str = ""
    description: str = ""


class Detail(msgspec.Struct):
    """One detail of an error: field violations, a reason, a request id, or how long to wait ("30s")."""

    reason: str = ""
    metadata: Any = None
    fieldViolations: list[Violation] = []  # noqa: N815
    requestId: str = ""  # noqa: N815
    retryDelay: str = ""  # noqa: N815
    errors: Any = None


class Status(msgspec.Struct):
    """An error of any Google API."""

    code: int = 0
    message: str = ""
    status: str = ""
    details: list[Detail] = []


class _Error(msgspec.Struct):
    error: Status


def read_error(answer: Answer) -> Status | None:
    """Return the error in an answer, or None when it holds none that can be read."""
    try:
        return msgspec.json.decode(answer.body, type=_Error, strict=False).error
    except UNREADABLE:
        return None


def asked_delay_ms(error: Status) -> int:
    """Return the wait that an error asks for, 0 for none."""
    for detail in error.details:
        seconds = detail.retryDelay.removesuffix("s")
        if seconds.replace(".", "", 1).isascii() and seconds.replace(".", "", 1).isdigit():
            return int(float(seconds) * 1000)
    return 0
