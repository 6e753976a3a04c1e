"""What lists of dead letters and of refused people are chosen by: reason, outcome, days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlencode

import msgspec
from litestar.exceptions import ValidationException
from litestar.params import QueryParameter

PAGE = 100
AT_ONCE = 10_000
_DAY_MS = 86_400_000

Reason = Annotated[str, QueryParameter(max_length=64)]
Wanted = Annotated[Literal["dead", "invalid"], QueryParameter()]
Day = Annotated[str, QueryParameter(max_length=10)]
Again = Annotated[int | None, QueryParameter(ge=0, le=AT_ONCE)]


class Choice(msgspec.Struct, frozen=True):
    """The filter as the form has it; days are ``YYYY-MM-DD`` in UTC, both included."""

    reason: str = ""
    outcome: Literal["dead", "invalid"] = "dead"
    since: str = ""
    until: str = ""

    @property
    def query(self) -> str:
        """The filter as the query of an address."""
        return urlencode({key: value for key, value in msgspec.structs.asdict(self).items() if value})

    def chosen(self) -> dict[str, Any]:
        """Return it in the words of egress's filters. Raises `ValidationException`."""
        since, until = _day(self.since), _day(self.until)
        return {
            "reason": self.reason or None,
            "outcome": self.outcome,
            "since_ms": since,
            "until_ms": None if until is None else until + _DAY_MS,
        }


def sent(form: Mapping[str, Any]) -> Choice:
    """Return the choice that a form carries. Raises `ValidationException`."""
    given = {key: str(form.get(key, ""))[:64] for key in Choice.__struct_fields__}
    if given["outcome"] not in ("dead", "invalid"):
        raise ValidationException("outcome must be dead or invalid")
    outcome = cast("Literal['dead', 'invalid']", given["outcome"])
    return Choice(given["reason"], outcome, given["since"], given["until"])


def _day(text: str) -> int | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValidationException(f"{text!r} is not a day; write it as 2026-08-31") from None
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) * 1000
