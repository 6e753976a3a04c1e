"""A request and a response as plain values, for the gateway's cold paths (tag, feeds, ads)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec


class Request(msgspec.Struct, frozen=True):
    """One HTTP request; header names are lower case, ``query`` keeps the last value of a repeated key."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    peer: str
    host: str
    body: bytes = b""


class Response(msgspec.Struct):
    """One HTTP response. ``body`` is bytes, a path of a file to send as it is, or what gives the bytes part by part.

    ``span``: of a file, only the bytes from the first number to before the second. Parts are made one at a time, off the
    event loop, and as fast as the reader takes them; ``content-length`` says how many bytes they are together.
    """

    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes | Path | Iterator[bytes] = b""
    span: tuple[int, int] | None = None


Handler = Callable[[Request], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True):
    """``path`` is exact, or ends in ``*`` and then matches everything below. A body may have ``most_bytes``.

    ``described`` are OpenAPI 3.1 path items by path (``/t/{digest}.js``), for the gateway's description of itself.
    """

    methods: frozenset[str]
    path: str
    handler: Handler
    most_bytes: int = 64 * 1024
    described: Mapping[str, Any] = msgspec.field(default_factory=dict)
