"""What is wrong with an item or a file: place, value, remedy. One shape for imports, feed checks and pages."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note", "block", "limit"]
"""``error`` keeps the item (or the file) out, ``warning`` lets it through with less than it could have, and ``note``
says what was repaired or assumed. A channel's checks grade their own errors: ``block`` leaves the item out of the
feed, ``limit`` cuts the value or leaves it out and the item stays."""

VALUE_LENGTH = 200


class Issue(msgspec.Struct, frozen=True):
    """One finding, the shape that ``rekindle feeds check`` prints.

    ``row`` counts from 1: items of an XML or JSON file, lines of a table; None when the finding is of the whole file.
    ``id`` and ``attribute`` are empty where there is none; ``code`` is stable kebab-case; ``value`` is what was found,
    at most `VALUE_LENGTH` characters; ``remedy`` is one sentence that says what to change.
    """

    row: int | None
    id: str
    attribute: str
    code: str
    severity: Severity
    value: str
    remedy: str


def shorten(value: object) -> str:
    """Return ``value`` as text of at most `VALUE_LENGTH` characters, for `Issue.value`."""
    text = str(value)
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 1] + "…"
