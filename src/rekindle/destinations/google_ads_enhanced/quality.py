"""What became of uploads. Source: Google Ads API, "Offline data diagnostics", ``offline_conversion_upload_client_summary``.

Google answers an upload by naming the bad ones, and imports the others later. How many of the account's uploads were imported, and
how many are pending, is told for each way in (``GOOGLE_ADS_API`` is this one) and not for a single request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from rekindle.destinations.replies import document, text
from rekindle.egress.answers import masked
from rekindle.egress.connector import Answer
from rekindle.egress.rated import Score

_TABLE: Final = "offline_conversion_upload_client_summary"
_PARTS: Final = ("client", "status", "total_event_count", "successful_event_count", "pending_event_count")
QUERY: Final = f"SELECT {', '.join(f'{_TABLE}.{part}' for part in _PARTS)} FROM {_TABLE}"  # noqa: S608 - two constants


class _Summary(msgspec.Struct, rename="camel"):
    client: str = ""
    status: str = ""
    total_event_count: int = 0
    successful_event_count: int = 0
    pending_event_count: int = 0


class _Row(msgspec.Struct):
    summary: _Summary = msgspec.field(default_factory=_Summary, name="offlineConversionUploadClientSummary")


class _Found(msgspec.Struct):
    results: list[_Row] = []


def read_quality(answer: Answer) -> Sequence[Score] | str:
    """Return the shares of uploads that were imported and that are pending. Never raises."""
    if not 200 <= answer.status < 300:
        told = document(answer).get("error")
        return masked(f"HTTP {answer.status}: {text(told.get('message')) if isinstance(told, dict) else ''}")
    try:
        # Google writes 64-bit numbers as text.
        listed = msgspec.json.decode(answer.body, type=_Found, strict=False).results
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "an answer that cannot be read"
    found: list[Score] = []
    for one in (row.summary for row in listed):
        if one.total_event_count <= 0:
            continue
        scope, words = masked(one.client), masked(one.status.replace("_", " ").lower())
        for measure, count in (
            ("uploads-imported", one.successful_event_count),
            ("uploads-pending", one.pending_event_count),
        ):
            found.append(Score(measure, scope, round(100 * count / one.total_event_count, 1), "percent", words))
    return found or "no upload yet"
