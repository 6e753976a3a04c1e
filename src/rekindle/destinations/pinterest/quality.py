"""How good Pinterest finds what it gets. Source: Pinterest API v5 (OpenAPI), ``conversion_eqs/list``.

A grade for each source of events, and for each event name the share with a hashed e-mail. The token needs ``ads:read``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.replies import document, text
from rekindle.egress.answers import UNREADABLE, masked
from rekindle.egress.connector import Answer
from rekindle.egress.rated import Score

_GRADES: Final = {"NEEDS_IMPROVEMENT": 1.0, "FAIR": 2.0, "GOOD": 3.0}


class _Coverage(msgspec.Struct):
    coverage: float | None = None


class _Components(msgspec.Struct):
    hashed_email: dict[str, _Coverage] = {}


class _Each(msgspec.Struct):
    overall_status: str = ""
    source_platform: str = ""
    ingestion_source: str = ""
    quality_components: _Components = msgspec.field(default_factory=_Components)


def read_quality(answer: Answer) -> Sequence[Score] | str:
    """Return the grades and shares. Never raises."""
    if not 200 <= answer.status < 300:
        return masked(f"HTTP {answer.status}: {text(document(answer).get('message'))}")
    try:
        listed: Any = msgspec.json.decode(answer.body, type=list[_Each])
    except UNREADABLE:
        return "an answer that cannot be read"
    found: list[Score] = []
    for each in listed:
        scope = masked(f"{each.source_platform} {each.ingestion_source}".strip())
        if each.overall_status in _GRADES:
            grade = _GRADES[each.overall_status]
            found.append(Score("event-quality", scope, grade, "of 3", each.overall_status.replace("_", " ").lower()))
        found += [
            Score("email-coverage", masked(f"{scope} {name}"), detail.coverage, "percent")
            for name, detail in sorted(each.quality_components.hashed_email.items())
            if detail.coverage is not None
        ]
    return found or "no score yet"
