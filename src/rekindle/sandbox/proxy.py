"""A reverse proxy in front of the gateway, as a shop's nginx would be: the tag and ads under the shop's own origin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from aiohttp import ClientError, ClientSession, DummyCookieJar, web
from aiohttp.typedefs import Handler

GATEWAY_PATHS = ("/e", "/t.js", "/t/", "/ad/")
"""What a shop hands to the gateway; a path that ends in a slash means everything below."""

# RFC 9110 §7.6.1, and what the client of this proxy computes itself.
_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_SENT = _HOP | {"content-length", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


def mount(app: web.Application, upstream: str, paths: Iterable[str] = GATEWAY_PATHS) -> None:
    """Forward ``paths`` of ``app`` to ``upstream`` (an origin), before the application's own routes.

    Host and cookies pass unchanged, so that the gateway sees the shop's name; the visitor's address goes into
    ``X-Forwarded-For``. 502 when the gateway does not answer.
    """
    wanted = tuple(paths)
    key = web.AppKey("gateway", ClientSession)

    async def session(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(auto_decompress=False, cookie_jar=DummyCookieJar()) as client:
            app[key] = client
            yield

    @web.middleware
    async def forward(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not any(request.path == path or (path.endswith("/") and request.path.startswith(path)) for path in wanted):
            return await handler(request)
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _SENT]
        headers += [
            ("X-Forwarded-For", request.remote or ""),
            ("X-Forwarded-Host", request.host),
            ("X-Forwarded-Proto", request.scheme),
        ]
        try:
            async with request.app[key].request(
                request.method,
                upstream.rstrip("/") + request.path_qs,
                headers=headers,
                data=await request.read() or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            ) as answer:
                response = web.Response(status=answer.status, body=await answer.read())
                for name, value in answer.headers.items():
                    if name.lower() not in _HOP | {"content-length", "content-type", "date", "server"}:
                        response.headers.add(name, value)
                if "Content-Type" in answer.headers:
                    response.headers["Content-Type"] = answer.headers["Content-Type"]
                return response
        except ClientError:
            return web.Response(status=502, text="the gateway does not answer")

    app.cleanup_ctx.append(session)
    app.middlewares.append(forward)
