"""The gateway: an RSGI application that answers 2xx only when what it was sent is on stable storage.

``POST /e`` takes the tag's events, ``POST /v1/events`` a server's; other rooms' routes are mounted beside them, and
``/openapi.json`` describes them all.
Whatever arrives, the answer is 2xx, 4xx or 503 with ``Retry-After``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

import rekindle
from rekindle.collect._body import Bodies
from rekindle.collect._http import Headers, Protocol_, Proxies, Refused, RequestHeaders, Scope, quietly
from rekindle.collect._mounted import Mounted
from rekindle.collect.answers import Answer
from rekindle.collect.cookie import delete_cookie, set_cookie, visitor_in
from rekindle.collect.door import Door, Guards, Sender, Taken
from rekindle.collect.hints import warnings
from rekindle.collect.metrics import Metrics
from rekindle.collect.openapi import document
from rekindle.collect.origins import Origins
from rekindle.collect.refusals import Refusals
from rekindle.collect.wire import Unreadable, decode
from rekindle.engines.log import Log, LogUnavailable
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.web import Route
from rekindle.workspace import Workspace

_TAG_BODY, _TAG_EVENTS = 256 * 1024, 100
_API_BODY, _API_EVENTS = 5 * 1024 * 1024, 1000
_PREFLIGHT = [
    ("access-control-allow-methods", "POST"),
    ("access-control-allow-headers", "content-type"),
    ("access-control-max-age", "7200"),
]
_CREDENTIALS, _VARY = ("access-control-allow-credentials", "true"), ("vary", "origin")
_JSON = ("content-type", "application/json")
_UNSTORED = ("cache-control", "no-store")

_log = structlog.get_logger()


class Gateway:
    """One process's gateway. ``verify`` turns an API key into the name of the workspace whose events it may write; it must be quick.

    ``trusted_proxies`` are networks whose ``X-Forwarded-*`` headers are believed. Close it after the server stopped;
    the log belongs to whoever opened it.
    """

    def __init__(
        self,
        *,
        log: Log,
        workspaces: Callable[[], Mapping[str, Workspace]],
        guards: Guards,
        verify: Callable[[str], str | None],
        clock: Clock,
        routes: Sequence[Route] = (),
        trusted_proxies: Sequence[str] = (),
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._log = log
        self._origins = Origins(workspaces, clock)
        self._door = Door(guards, clock)
        self._verify = verify
        self._proxies = Proxies(trusted_proxies)
        self._bodies = Bodies(clock)
        self._mounted = Mounted(routes, self._proxies, self._bodies)
        self._description = msgspec.json.format(msgspec.json.encode(described([each.described for each in routes])))
        self._metrics = Metrics(registry or CollectorRegistry())
        self._refusals = Refusals(log.append, clock)
        self._draining = False

    def drain(self) -> None:
        """Tell load balancers to send no more: `/readyz` answers 503 from now on, everything else goes on."""
        self._draining = True

    async def close(self) -> None:
        """Write the counts that are still in memory."""
        await self._refusals.close()

    async def __rsgi__(self, scope: Scope, protocol: Protocol_) -> None:
        """Answer one request."""
        if scope.proto != "http":
            return
        path = scope.path
        cors: Headers = []
        route = path if path in _ROUTES else "other"
        try:
            if path == "/e":
                status = await self._tag(scope, protocol, cors)
            elif path == "/v1/events":
                status = await self._api(scope, protocol)
            elif path in _ROUTES:
                status = await self._probe(path, protocol)
            else:
                status = await self._mounted.answer(scope, protocol)
        except Refused as error:
            status = _refuse(protocol, error, cors)
        except Exception as error:  # noqa: BLE001 -- nothing was acknowledged; the sender may try again
            self._metrics.fault(type(error).__name__)
            # The message could hold what was sent, so only the type and the place are told.
            _log.error("request failed", route=route, error=type(error).__name__, place=_place(error))
            status = _refuse(protocol, _unavailable(5), cors)
        self._metrics.request(route, status)

    # -- the tag

    async def _tag(self, scope: Scope, protocol: Protocol_, cors: Headers) -> int:
        address, scheme = self._proxies.read(scope)
        headers = scope.headers
        # A page on the gateway's own origin needs no Origin header to be known.
        origin = headers.get("origin") or f"{scheme}://{headers.get('host') or scope.authority or ''}"
        wanted = parse_qs(scope.query_string).get("w", [""])[-1] if scope.query_string else ""
        workspace = self._origins.of(origin, wanted)
        if workspace is None:
            known = self._origins.named(wanted)
            self._refuse_request(known.name if known else "", Reason.UNKNOWN_ORIGIN)
            raise Refused(403, "unknown-origin", "add the page's origin to `origins` in shop.toml and apply it")
        cors += (("access-control-allow-origin", origin), _CREDENTIALS, _VARY)
        if scope.method == "OPTIONS":
            protocol.response_empty(204, cors + _PREFLIGHT)
            return 204
        if scope.method != "POST":
            raise Refused(405, "method", "use POST", [("allow", "POST, OPTIONS")])
        cookies = headers.get("cookie")
        visitor = visitor_in(cookies) if cookies else None
        sender = Sender(True, address, (headers.get("user-agent") or "")[:1000], visitor)
        taken = await self._take(workspace, scope, protocol, sender, _TAG_BODY, _TAG_EVENTS)
        answer = cors  # nobody may keep the answer to a POST that does not say for how long (RFC 9110, 9.3.3)
        if taken.withdrawn and taken.visitor is None:
            answer.append(("set-cookie", delete_cookie(workspace.shop, secure=scheme == "https")))
        elif taken.visitor is not None:
            answer.append(("set-cookie", set_cookie(taken.visitor, workspace.shop, secure=scheme == "https")))
        quietly(lambda: protocol.response_empty(204, answer))
        return 204

    # -- servers

    async def _api(self, scope: Scope, protocol: Protocol_) -> int:
        if scope.method != "POST":
            raise Refused(405, "method", "use POST", [("allow", "POST")])
        key = _key(scope.headers)
        name = self._verify(key) if key else None
        workspace = None if name is None else self._origins.named(name)
        if workspace is None:
            self._refuse_request("", Reason.BAD_KEY)
            remedy = "send `Authorization: Bearer <key>` or `X-Api-Key: <key>` with a key of this installation"
            raise Refused(401, "bad-key", remedy, [("www-authenticate", "Bearer")])
        taken = await self._take(workspace, scope, protocol, Sender(browser=False), _API_BODY, _API_EVENTS)
        body = msgspec.json.encode(
            Answer(
                taken.accepted,
                taken.count(Outcome.FILTERED),
                taken.count(Outcome.INVALID),
                taken.problems,
                warnings(taken.agentless),
            )
        )
        status = 200 if taken.accepted or taken.count(Outcome.FILTERED) or not taken.problems else 400
        quietly(lambda: protocol.response_bytes(status, [_JSON, _UNSTORED], body))
        return status

    # -- both

    async def _take(
        self, workspace: Workspace, scope: Scope, protocol: Protocol_, sender: Sender, limit: int, most: int
    ) -> Taken:
        try:
            body = await self._bodies.read(scope, protocol, limit)
            self._metrics.bytes += len(body)
            batch = decode(body, most)
        except Refused as refused:
            self._refuse_request(workspace.name, Reason.TOO_LARGE if refused.status == 413 else Reason.MALFORMED)
            raise
        except Unreadable as error:
            self._refuse_request(workspace.name, Reason.TOO_LARGE if error.too_many else Reason.MALFORMED)
            raise Refused(413 if error.too_many else 400, "unreadable", error.remedy) from None
        taken = self._door.take(workspace, batch, sender)
        began = time.perf_counter()
        try:
            await self._log.append(taken.records)
        except LogUnavailable:
            raise _unavailable(2) from None
        self._metrics.append(time.perf_counter() - began)
        if taken.accepted:
            self._metrics.event(workspace.name, "accepted", "ok", taken.accepted)
        for (outcome, why), number in taken.refused.items():
            self._metrics.event(workspace.name, outcome, why, number)
        return taken

    def _refuse_request(self, workspace: str, reason: Reason) -> None:
        self._metrics.event(workspace, Outcome.INVALID.value, reason.value)
        if workspace:
            self._refusals.count(workspace, reason.value)

    # -- the operator

    async def _probe(self, path: str, protocol: Protocol_) -> int:
        if path == "/openapi.json":
            protocol.response_bytes(200, [_JSON, ("cache-control", "public, max-age=300")], self._description)
            return 200
        if path == "/metrics":
            self._metrics.waiting = self._log.waiting_bytes
            page = generate_latest(self._metrics.registry)
            protocol.response_bytes(200, [("content-type", CONTENT_TYPE_LATEST), _UNSTORED], page)
            return 200
        trouble = "draining" if self._draining else ""
        if path == "/readyz" and not trouble:
            try:
                await self._log.check()
            except LogUnavailable:
                trouble = "the log takes nothing"
        status, text = (200, "ok") if path == "/livez" or not trouble else (503, f"not ready: {trouble}")
        protocol.response_bytes(status, [("content-type", "text/plain"), _UNSTORED], text.encode() + b"\n")
        return status


_ROUTES = frozenset({"/e", "/v1/events", "/livez", "/readyz", "/metrics", "/openapi.json"})


def described(mounted: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the description of a gateway (OpenAPI 3.1) with what is ``mounted``."""
    return document(mounted, rekindle.__version__, tag_events=_TAG_EVENTS, api_events=_API_EVENTS)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"


def _key(headers: RequestHeaders) -> str:
    scheme, _, bearer = (headers.get("authorization") or "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else (headers.get("x-api-key") or "").strip()


def _unavailable(seconds: int) -> Refused:
    remedy = "nothing was stored; send the same request again later"
    return Refused(503, "unavailable", remedy, [("retry-after", str(seconds))])


def _refuse(protocol: Protocol_, error: Refused, cors: Headers) -> int:
    headers = [_JSON, _UNSTORED, *cors, *error.headers]
    quietly(lambda: protocol.response_bytes(error.status, headers, error.body()))
    return error.status
