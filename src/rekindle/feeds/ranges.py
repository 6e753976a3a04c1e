"""Which part of a file a reader asks for: one range of bytes (RFC 9110, 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_ONE = re.compile(r"\s*bytes\s*=\s*(?:([0-9]{1,18})\s*-\s*([0-9]{0,18})|-\s*([0-9]{1,18}))\s*")


class Span(NamedTuple):
    """Bytes from ``start`` to before ``end``."""

    start: int
    end: int


class Unsatisfiable(ValueError):
    """The range lies behind the file's end: 416."""


def asked(headers: Mapping[str, str], size: int, etag: str, last_modified: str) -> Span | None:
    """Return the part that is asked for, or None for the whole file.

    ``If-Range`` that names another state of the file asks for all of it; so does what cannot be read, and a list of
    several ranges, which a server may ignore (RFC 9110, 14.2). Raises `Unsatisfiable`.
    """
    given = headers.get("range")
    if given is None or headers.get("if-range", etag).strip() not in (etag, last_modified):
        return None
    found = _ONE.fullmatch(given)
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None  # not a range at all (14.1.1)
    if start >= end:
        raise Unsatisfiable
    return Span(start, end)
