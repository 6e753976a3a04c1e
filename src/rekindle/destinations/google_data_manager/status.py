"""What became of a request that was taken. Source: Data Manager API v1, ``requestStatus:retrieve``, "Diagnostics".

Google tells counts for each reason, not which events: the word is of the request. "Wait for 30 minutes", then ask with
exponential backoff; "this may take up to 24 hours". What it refused some of goes again in parts with the same transaction
ids: `ProcessingErrorReason.DUPLICATE_TRANSACTION_ID`, "a conversion with the same order id and conversion action combination
was already uploaded", then says that the others had arrived; a list's members are added and removed once however often.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

import msgspec

from rekindle.egress.answers import UNREADABLE, masked
from rekindle.egress.connector import Answer, OutRequest
from rekindle.egress.later import Receipt, Waits

WAITS: Final = Waits(first_ms=1_800_000, longest_ms=4 * 3_600_000, deadline_ms=36 * 3_600_000, again=True)
# The reference's enum says FAILED, the guide FAILURE.
_REFUSED: Final = frozenset({"FAILED", "FAILURE"})
_DECIDED: Final = _REFUSED | {"SUCCESS", "PARTIAL_SUCCESS"}
_THERE: Final = "DUPLICATE_TRANSACTION_ID"
_PREFIX: Final = re.compile(r"^PROCESSING_(ERROR|WARNING)_REASON_")
_RATE: Final = "MATCH_RATE_RANGE_"
_NO_RATE: Final = frozenset({"", "UNKNOWN", "NOT_ELIGIBLE"})


class _Count(msgspec.Struct):
    reason: str = ""
    recordCount: int = 0  # noqa: N815


class _Errors(msgspec.Struct):
    errorCounts: list[_Count] = []  # noqa: N815


class _Warnings(msgspec.Struct):
    warningCounts: list[_Count] = []  # noqa: N815


class _UserData(msgspec.Struct):
    uploadMatchRateRange: str = ""  # noqa: N815


class _Members(msgspec.Struct):
    userDataIngestionStatus: _UserData = msgspec.field(default_factory=_UserData)  # noqa: N815


class _Each(msgspec.Struct):
    requestStatus: str = ""  # noqa: N815
    errorInfo: _Errors = msgspec.field(default_factory=_Errors)  # noqa: N815
    warningInfo: _Warnings = msgspec.field(default_factory=_Warnings)  # noqa: N815
    audienceMembersIngestionStatus: _Members = msgspec.field(default_factory=_Members)  # noqa: N815


class _Body(msgspec.Struct):
    requestStatusPerDestination: list[_Each] = []  # noqa: N815


class AsksStatus:
    """The part of an account that asks what became of its requests (`rekindle.egress.later.DecidesLater`)."""

    def __init__(self, api_base: str, token: str, *, validate_only: bool) -> None:
        self._status_url = f"{api_base.rstrip('/')}/v1/requestStatus:retrieve"
        self._status_token = token
        # "If true, the request is validated but not executed": nothing is ever decided about it.
        self.waits = None if validate_only else WAITS

    def status_request(self, ticket: str) -> OutRequest:
        url = f"{self._status_url}?{urlencode({'requestId': ticket})}"
        return OutRequest("GET", url, {"authorization": f"Bearer {self._status_token}"}, b"", ())

    def read_status(self, answer: Answer, ticket: str) -> Receipt:
        return read_status(answer)


def read_status(answer: Answer) -> Receipt:
    """Read the answer. Never raises: what cannot be read is ``waiting``."""
    if not 200 <= answer.status < 300:
        return Receipt("waiting", f"HTTP {answer.status}")
    try:
        each = msgspec.json.decode(answer.body, type=_Body, strict=False).requestStatusPerDestination
    except UNREADABLE:
        return Receipt("waiting", "an answer that cannot be read")
    states = {one.requestStatus for one in each}
    reasons: dict[str, int] = {}
    for one in each:
        for count in (*one.errorInfo.errorCounts, *one.warningInfo.warningCounts):
            code = masked(_PREFIX.sub("", count.reason))
            reasons[code] = reasons.get(code, 0) + count.recordCount
    words = masked(", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items())))
    rates = [one.audienceMembersIngestionStatus.userDataIngestionStatus.uploadMatchRateRange for one in each]
    rate = next((_rate(found) for text in rates if (found := text.removeprefix(_RATE)) not in _NO_RATE), None)
    if not states or not states <= _DECIDED:
        return Receipt("waiting", words, reasons)
    refused = {_PREFIX.sub("", count.reason) for one in each for count in one.errorInfo.errorCounts}
    if states == {"SUCCESS"} or refused == {_THERE}:
        # An event that is there already has arrived, be it by an earlier request of ours.
        return Receipt("delivered", words, reasons, rate)
    # FAILED may be said of a request whose good events are "duplicates" of an earlier one: those are no refusals.
    return Receipt("refused" if states <= _REFUSED and _THERE not in refused else "partial", words, reasons, rate)


def _rate(found: str) -> tuple[float, str]:
    """Return the lower end of a range such as 61_TO_70 or LESS_THAN_20, and the range."""
    digits = re.match(r"\d+", found)
    return float(digits[0]) if digits else 0.0, masked(found.replace("_", " ").lower())
