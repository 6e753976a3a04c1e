"""A shop's pages and a gateway that writes down what the tag sends, under a strict content-security policy."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import msgspec
from aiohttp import web

from rekindle.model.event import Event
from rekindle.model.web import Request, Response, Route
from rekindle.sandbox.serving import application
from rekindle.tags import routes
from rekindle.workspace import Policy, Shop, Tag, Workspace
from tests.browser.arrivals import Arrivals

CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
GTAG = "window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments)}"
SIGNALS = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")


def consent(kind: str, value: str, **more: Any) -> str:
    """Return the page's script for consent mode: ``kind`` is default or update, ``value`` granted or denied."""
    return f"gtag('consent', {kind!r}, {json.dumps(dict.fromkeys(SIGNALS, value) | more)});"


DEFAULT = GTAG + ";" + consent("default", "denied")
GRANT = consent("update", "granted")
DENY = consent("update", "denied")


class Site(Arrivals):
    """Serves any path as a page with `script` and the tag; ``/e`` answers from `answers`, then 204."""

    def __init__(self) -> None:
        super().__init__()
        self.origin = ""
        self.script = DEFAULT
        self.env = ""
        self.tags = ["/t.js"]
        self.workspace = Workspace(
            shop=Shop(name="test", title="Test", origins=[], country="PL", currency="PLN"),
            tag=Tag(batch_ms=100),
            policy=Policy(tcf_vendor=755),
        )
        self.answers: deque[tuple[int, dict[str, str]]] = deque()
        self.headers: list[dict[str, str]] = []

    def application(self) -> web.Application:
        get = frozenset({"GET", "HEAD"})
        tag = [
            Route(methods=route.methods, path=route.path, handler=self._with_env(route.handler))
            for route in routes(lambda request: self.workspace)
        ]
        own = [
            Route(methods=frozenset({"POST"}), path="/e", handler=self._collect),
            Route(methods=get, path="/page.js", handler=self._script),
            Route(methods=get, path="/*", handler=self._page),
        ]
        return application([*tag, *own])

    def _with_env(self, handler: Any) -> Any:
        async def serve(request: Request) -> Response:
            request = msgspec.structs.replace(request, headers={})
            response: Response = await handler(request)
            if self.env and isinstance(response.body, bytes):
                response.body = response.body.replace(b"})})();", b"},%b)})();" % self.env.encode())
            response.headers["cache-control"] = "no-store"
            return response

        return serve

    async def _collect(self, request: Request) -> Response:
        body = json.loads(request.body)
        assert set(body) == {"sent_at", "events"}
        for event in body["events"]:
            assert set(event) <= set(Event.__struct_fields__), event
            msgspec.json.decode(msgspec.json.encode(event), type=Event)  # strictly the canonical event
        status, headers = self.answers.popleft() if self.answers else (204, {})
        self.headers.append(dict(request.headers))
        await self.add(body["events"])
        return Response(status=status, headers=dict(headers))

    async def _script(self, request: Request) -> Response:
        return Response(
            headers={"content-type": "text/javascript", "cache-control": "no-store"}, body=self.script.encode()
        )

    async def _page(self, request: Request) -> Response:
        scripts = "".join(f"<script src='{path}'></script>" for path in ["/page.js", *self.tags])
        html = f"<!doctype html><title>Page {request.path}</title>{scripts}<a href=/next>next</a>"
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": CSP}
        return Response(headers=headers, body=html.encode())
