"""Several calls in one request, and their answers. Source: Merchant API "Send multiple requests at once" (multipart/mixed)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rekindle.egress.connector import Answer

_BOUNDARY = "rekindle_items"
_BOUNDARY_OF = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_PLACE = re.compile(rb"content-id:\s*<?(?:response-)?(\d{1,6})>?", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/[0-9.]+ (\d{3})")


class Call(NamedTuple):
    """One call inside a request; ``path`` begins after the host."""

    method: str
    path: str
    body: bytes = b""


def content_type() -> str:
    """Return the header of a request of several calls."""
    return f"multipart/mixed; boundary={_BOUNDARY}"


def joined(calls: Sequence[Call]) -> bytes:
    """Return the body of a request; each call is named by its place."""
    lines: list[bytes] = []
    for place, call in enumerate(calls):
        lines += [
            f"--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <{place}>\r\n".encode(),
            f"{call.method} {call.path}".encode(),
        ]
        lines += [b"Content-Type: application/json; charset=utf-8\r\n\r\n" + call.body] if call.body else [b"\r\n"]
    return b"\r\n".join([*lines, f"--{_BOUNDARY}--\r\n".encode()])


def answers(answer: Answer) -> Mapping[int, Answer]:
    """Return the answers by their call's place; what is missing or cannot be read is not in it."""
    boundary = _BOUNDARY_OF.search(answer.headers.get("content-type", ""))
    if boundary is None:
        return {}
    found: dict[int, Answer] = {}
    for part in answer.body.split(b"--" + boundary[1].strip().encode())[1:]:
        outer, _, inner = _halves(part)
        place = _PLACE.search(outer)
        head, between, body = _halves(inner)
        status = _STATUS.match(head.lstrip())
        if place is None or status is None or not between:
            continue
        found[int(place[1])] = Answer(int(status[1]), _headers(head), body.strip())
    return found


def _halves(text: bytes) -> tuple[bytes, bytes, bytes]:
    first = text.lstrip(b"\r\n")
    return first.partition(b"\r\n\r\n") if b"\r\n\r\n" in first else first.partition(b"\n\n")


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").splitlines()[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
