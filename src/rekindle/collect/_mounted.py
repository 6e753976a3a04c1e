"""Other rooms' routes (tag, feeds, ads) behind the same door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl

from rekindle.collect._body import Bodies
from rekindle.collect._http import Protocol_, Proxies, Refused, Scope, quietly
from rekindle.collect.cookie import read_cookies
from rekindle.model.web import Request, Route


class Mounted:
    """Finds the route of a path: an exact one first, then the longest that ends in ``*``."""

    def __init__(self, routes: Sequence[Route], proxies: Proxies, bodies: Bodies) -> None:
        self._proxies, self._bodies = proxies, bodies
        self._exact: dict[str, list[Route]] = {}
        self._below: list[Route] = []
        for route in routes:
            if route.path.endswith("*"):
                self._below.append(route)
            else:
                self._exact.setdefault(route.path, []).append(route)
        self._below.sort(key=lambda route: -len(route.path))

    async def answer(self, scope: Scope, protocol: Protocol_) -> int:
        """Answer with the route's response. Raises `Refused`: 404 or 405."""
        found = self._exact.get(scope.path) or [
            route for route in self._below if scope.path.startswith(route.path[:-1])
        ]
        if not found:
            raise Refused(404, "not-found", "there is nothing at this path")
        route = next((route for route in found if scope.method in route.methods), None)
        head = route is None and scope.method == "HEAD"
        if head:
            route = next((route for route in found if "GET" in route.methods), None)
        if route is None:
            allowed = ", ".join(sorted({method for route in found for method in route.methods}))
            raise Refused(405, "method", f"use {allowed}", [("allow", allowed)])
        address, scheme = self._proxies.read(scope)
        headers = dict(scope.headers.items()) | {"x-forwarded-proto": scheme}
        request = Request(
            method="GET" if head else scope.method,
            path=scope.path,
            query=dict(parse_qsl(scope.query_string, keep_blank_values=True)),
            headers=headers,
            cookies=read_cookies(headers.get("cookie", "")),
            peer=address,
            host=headers.get("host") or scope.authority or "",
            body=await self._bodies.read(scope, protocol, route.most_bytes) if scope.method in {"POST", "PUT"} else b"",
        )
        response = await route.handler(request)
        answer, body = list(response.headers.items()), response.body
        if head or not body:
            quietly(lambda: protocol.response_empty(response.status, answer))
        elif isinstance(body, Path):
            file, span = str(body), response.span
            if span is None:
                quietly(lambda: protocol.response_file(response.status, answer, file))
            else:
                quietly(lambda: protocol.response_file_range(response.status, answer, file, *span))
        elif isinstance(body, bytes):
            content = body
            quietly(lambda: protocol.response_bytes(response.status, answer, content))
        else:
            await _sent(protocol, response.status, answer, body)
        return response.status


async def _sent(protocol: Protocol_, status: int, headers: list[tuple[str, str]], parts: Iterator[bytes]) -> None:
    """Send an answer part by part; a reader that has gone stops it."""
    with suppress(RuntimeError):  # as in `quietly`
        stream = protocol.response_stream(status, headers)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            await stream.send_bytes(part)
