"""How well Meta can match what it gets. Source: Meta Marketing API v25, "Dataset Quality API" (web events).

The event match quality is "a score (out of 10)" for each event name; the coverage is the share of the pixel's events that
came from the server too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rekindle.destinations.replies import document, text
from rekindle.egress.answers import masked
from rekindle.egress.connector import Answer
from rekindle.egress.rated import Score

QUALITY_FIELDS: Final = "web{event_name,event_match_quality{composite_score},event_coverage{percentage}}"


def read_quality(answer: Answer) -> Sequence[Score] | str:
    """Return the scores by event name. Never raises."""
    body = document(answer)
    web = body.get("web")
    if not 200 <= answer.status < 300 or not isinstance(web, list):
        error = body.get("error")
        return masked(f"HTTP {answer.status}: {text(error.get('message')) if isinstance(error, dict) else ''}")
    found: list[Score] = []
    for each in web:
        name = masked(text(each.get("event_name"))) if isinstance(each, dict) else ""
        if not name:
            continue
        if (score := _number(each.get("event_match_quality"), "composite_score")) is not None:
            found.append(Score("event-match-quality", name, score, "of 10"))
        if (share := _number(each.get("event_coverage"), "percentage")) is not None:
            found.append(Score("event-coverage", name, share, "percent"))
    return found or "no score yet"


def _number(part: Any, name: str) -> float | None:
    value = part.get(name) if isinstance(part, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
