"""What became of a request that was taken. Source: Data Manager API v1, ``requestStatus:retrieve``, "Diagnostics".

Google tells counts for each reason, not which events: the verdict is of the request.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

import msgspec

from rekindle.egress.answers import masked
from rekindle.egress.connector import Answer, OutRequest

State = Literal["waiting", "delivered", "partial", "refused", "unknown"]


class Receipt(msgspec.Struct, frozen=True):
    """``waiting``: ask again later. ``partial``: some records were refused, for ``reasons`` (reason to count)."""

    state: State
    reasons: dict[str, int] = {}
    words: str = ""


class _Count(msgspec.Struct):
    reason: str = ""
    recordCount: int = 0  # noqa: N815


class _Errors(msgspec.Struct):
    errorCounts: list[_Count] = []  # noqa: N815


class _Warnings(msgspec.Struct):
    warningCounts: list[_Count] = []  # noqa: N815


class _Each(msgspec.Struct):
    requestStatus: str = ""  # noqa: N815
    errorInfo: _Errors = msgspec.field(default_factory=_Errors)  # noqa: N815
    warningInfo: _Warnings = msgspec.field(default_factory=_Warnings)  # noqa: N815


class _Body(msgspec.Struct):
    requestStatusPerDestination: list[_Each] = []  # noqa: N815


def status_request(api_base: str, token: str, request_id: str) -> OutRequest:
    """Return the question after a request, by the ``requestId`` that `classify` gave as its trace."""
    url = f"{api_base.rstrip('/')}/v1/requestStatus:retrieve?{urlencode({'requestId': request_id})}"
    return OutRequest("GET", url, {"authorization": f"Bearer {token}"}, b"", ())


def read_status(answer: Answer) -> Receipt:
    """Read the answer to `status_request`. Never raises: what cannot be read is ``unknown``."""
    if not 200 <= answer.status < 300:
        return Receipt("unknown", words=f"HTTP {answer.status}")
    try:
        each = msgspec.json.decode(answer.body, type=_Body, strict=False).requestStatusPerDestination
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Receipt("unknown", words="an answer that cannot be read")
    states = {one.requestStatus for one in each}
    reasons: dict[str, int] = {}
    for one in each:
        for count in (*one.errorInfo.errorCounts, *one.warningInfo.warningCounts):
            reasons[count.reason] = reasons.get(count.reason, 0) + count.recordCount
    words = masked(", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items())))
    if "PROCESSING" in states or not states:
        return Receipt("waiting", reasons, words)
    if states == {"SUCCESS"}:
        return Receipt("delivered", reasons, words)
    return Receipt("refused" if states == {"FAILED"} else "partial", reasons, words)
