"""Serve the tag: ``/t.js`` for pages, ``/t/<digest>.js`` for pages that want to pin one version."""

from __future__ import annotations

from collections.abc import Callable

from rekindle.model.web import Request, Response, Route
from rekindle.tags.compile import compile_tag
from rekindle.workspace import Workspace

WorkspaceOf = Callable[[Request], Workspace | None]
"""Says whose page asks: by host, or by ``?w=``. None answers 404."""

_FRESH = "public, max-age=300, stale-while-revalidate=86400"
_FOREVER = "public, max-age=31536000, immutable"


class TagServer:
    """Answers GET and HEAD with the script of the workspace that the request belongs to."""

    def __init__(self, workspace_of: WorkspaceOf) -> None:
        self._workspace_of = workspace_of

    async def newest(self, request: Request) -> Response:
        """Return the live script; a change of configuration reaches browsers within five minutes."""
        return self._answer(request, pinned=None)

    async def pinned(self, request: Request) -> Response:
        """Return the script under its digest, for good.

        A digest that is not the live one gets the live script for a short time: a page out of an old cache must go
        on measuring, and nothing wrong stays in anybody's cache.
        """
        name = request.path.rpartition("/")[2]
        if not name.endswith(".js"):
            return Response(status=404)
        return self._answer(request, pinned=name.removesuffix(".js"))

    def _answer(self, request: Request, pinned: str | None) -> Response:
        workspace = self._workspace_of(request)
        if workspace is None:
            return Response(status=404, headers={"cache-control": "no-store"})
        script = compile_tag(workspace)
        zipped = _accepts_gzip(request.headers.get("accept-encoding", ""))
        # Two encodings are two representations, and strong validators must differ (RFC 9110 §8.8.3.3).
        etag = f'"{script.digest}-gzip"' if zipped else f'"{script.digest}"'
        headers = {
            "cache-control": _FOREVER if pinned == script.digest else _FRESH,
            "etag": etag,
            "vary": "Accept-Encoding",
        }
        if _matches(request.headers.get("if-none-match", ""), etag):
            return Response(status=304, headers=headers)
        headers |= {
            "content-type": "text/javascript; charset=utf-8",
            "x-content-type-options": "nosniff",
            # Shops on another origin may pin it with `integrity`, which needs CORS; the script holds no secret.
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        }
        if zipped:
            headers["content-encoding"] = "gzip"
        body = script.gzipped if zipped else script.body
        headers["content-length"] = str(len(body))
        return Response(status=200, headers=headers, body=b"" if request.method == "HEAD" else body)


_SHOP = {
    "name": "w",
    "in": "query",
    "schema": {"type": "string"},
    "description": "The workspace, where several share a host.",
}
_SCRIPT = {
    "200": {"description": "The script.", "content": {"text/javascript": {"schema": {"type": "string"}}}},
    "304": {"description": "As the `If-None-Match` header has it."},
    "404": {"description": "No shop is served at this host."},
}
DESCRIBED = {
    "/t.js": {"get": {"summary": "The browser tag", "parameters": [_SHOP], "responses": _SCRIPT}},
    "/t/{digest}.js": {
        "get": {
            "summary": "The browser tag, pinned",
            "parameters": [_SHOP, {"name": "digest", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": _SCRIPT,
        }
    },
}
"""What the gateway says of these addresses (OpenAPI 3.1)."""


def routes(workspace_of: WorkspaceOf) -> list[Route]:
    """Return the gateway's routes of the tag."""
    server = TagServer(workspace_of)
    methods = frozenset({"GET", "HEAD"})
    return [
        Route(methods=methods, path="/t.js", handler=server.newest, described=DESCRIBED),
        Route(methods=methods, path="/t/*", handler=server.pinned),
    ]


def _accepts_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _matches(header: str, etag: str) -> bool:
    """Compare weakly, as If-None-Match asks (RFC 9110 §13.1.2)."""
    return any(candidate.strip().removeprefix("W/") in (etag, "*") for candidate in header.split(","))
