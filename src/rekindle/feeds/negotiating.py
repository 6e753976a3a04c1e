"""In which form a reader gets a file, and whether it has it already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from rekindle.workspace import Feed

_MAX_AGE: Final = 300
_SHARED: Final = f"max-age={_MAX_AGE}, stale-while-revalidate={_MAX_AGE}, stale-if-error=86400"

CODINGS: Final = ("zstd", "gzip")
"""What files are packed with, the better one first."""


def coding(headers: Mapping[str, str], digest: str, offered: Sequence[str]) -> str:
    """Return the coding of those ``offered`` in which to send a file, or "" for the plain one (RFC 9110, 12.5.3).

    A reader who holds one form of the file, or a part of it, is answered about that one: it would have to fetch all of
    it again in another.
    """
    weights = _weights(headers.get("accept-encoding", ""))
    allowed = [name for name in offered if weights.get(name, weights.get("*", 0.0)) > 0]
    held = headers.get("if-none-match", "") + headers.get("if-range", "")
    for name in allowed:
        if etag(digest, name) in held:
            return name
    if etag(digest, "") in held:
        return ""
    return max(allowed, key=lambda name: (weights.get(name, weights.get("*", 0.0)), -offered.index(name)), default="")


def etag(digest: str, name: str) -> str:
    """Return the validator of a file in a coding. A strong one names bytes, so each form has its own."""
    return f'"{digest}-{name}"' if name else f'"{digest}"'


def _weights(header: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        try:
            weights[name.strip()] = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weights[name.strip()] = 0.0
    return weights


def not_modified(headers: Mapping[str, str], tag: str, since_ms: int) -> bool:
    """Whether the reader has these bytes (RFC 9110, 13.2.2): ``If-None-Match`` decides when it is there."""
    if (given := headers.get("if-none-match")) is not None:
        tags = {each.strip().removeprefix("W/") for each in given.split(",")}
        return "*" in tags or tag in tags
    if (given := headers.get("if-modified-since")) is not None:
        try:
            return since_ms // 1000 <= parsedate_to_datetime(given).timestamp()
        except ValueError:
            return False
    return False


def caching(document: Feed, workspace: str, feed: str) -> dict[str, str]:
    """Return how long copies of a feed may live, for its readers and for the networks between.

    A copy on the way may be five minutes old, and up to a day old when we cannot be reached (RFC 5861). What a network
    heeds differs: ``CDN-Cache-Control`` (RFC 9213), ``Surrogate-Control``; by ``Surrogate-Key`` or ``Cache-Tag`` all
    forms of a feed can be thrown away there at once. A feed with a token belongs in nobody's cache but its reader's.
    """
    if document.token:
        return {"cache-control": f"private, max-age={_MAX_AGE}"}
    tag = f"feed-{workspace}-{feed}"
    return {
        "cache-control": f"public, {_SHARED}", "cdn-cache-control": f"public, {_SHARED}", "surrogate-control": _SHARED,
        "surrogate-key": tag, "cache-tag": tag,
    }  # fmt: skip
