"""A small aiohttp server for `rekindle.model.web.Route`s: enough for the demo and for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from rekindle.model.web import Handler, Request, Response, Route


def match(routes: Sequence[Route], method: str, path: str) -> Handler | int:
    """Return the handler for a request, or the status that says why there is none (404, 405).

    An exact path wins over a wildcard, a longer wildcard over a shorter one.
    """
    fitting = [
        route
        for route in routes
        if route.path == path or (route.path.endswith("*") and path.startswith(route.path.removesuffix("*")))
    ]
    if not fitting:
        return 404
    for route in sorted(fitting, key=lambda route: (route.path.endswith("*"), -len(route.path))):
        if method in route.methods:
            return route.handler
    return 405


def application(routes: Sequence[Route], *, max_body: int = 1 << 20) -> web.Application:
    """Return an aiohttp application that serves ``routes``; bodies over ``max_body`` bytes are refused."""

    async def serve(request: web.Request) -> web.StreamResponse:
        handler = match(routes, request.method, request.path)
        if isinstance(handler, int):
            return web.Response(status=handler)
        answer = await handler(await as_request(request))
        if isinstance(answer.body, (bytes, Path)):
            return _answer(answer, answer.body)
        return await _streamed(request, answer, answer.body)

    app = web.Application(client_max_size=max_body)
    app.router.add_route("*", "/{path:.*}", serve)
    return app


async def as_request(request: web.Request) -> Request:
    """Return an aiohttp request as plain values."""
    return Request(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=dict(request.cookies),
        peer=request.remote or "",
        host=request.host,
        body=await request.read(),
    )


@asynccontextmanager
async def running(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve ``app`` on the loopback until the block ends; yields its origin. Port 0 takes a free one."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, bound = runner.addresses[0][:2]
        yield f"http://{host}:{bound}"
    finally:
        await runner.cleanup()


async def _streamed(request: web.Request, response: Response, parts: Iterator[bytes]) -> web.StreamResponse:
    answer = web.StreamResponse(status=response.status, headers=response.headers)
    await answer.prepare(request)
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        await answer.write(part)
    await answer.write_eof()
    return answer


def _answer(response: Response, body: bytes | Path) -> web.StreamResponse:
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
    if isinstance(body, bytes):
        return web.Response(status=response.status, headers=headers, body=body)
    if response.span is not None:
        start, end = response.span
        with body.open("rb") as file:
            file.seek(start)
            return web.Response(status=response.status, headers=headers, body=file.read(end - start))
    return web.FileResponse(body, status=response.status, headers=headers)
