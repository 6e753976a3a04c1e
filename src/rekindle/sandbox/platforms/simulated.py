"""A simulated platform as one function from a call to an answer, and a server for it with faults to switch.

A module ``rekindle.sandbox.platforms.<destination>`` with a function ``answer(call)`` is found by `simulated`; each
rule in it cites its source. The examples of every destination are judged by it. A destination that has none (another
distribution's, say) is answered as its own first example of a success says.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from aiohttp import web

from rekindle.destinations.preview import answer_from
from rekindle.egress.connector import Answer
from rekindle.model.clock import Clock
from rekindle.model.discover import discover
from rekindle.sandbox.platforms._serve import serving


class Call(msgspec.Struct, frozen=True):
    """One request as the platform sees it. Header names are lower case; ``body`` is None when it is no JSON, ``raw`` is what came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    now_ms: int
    raw: bytes = b""


Platform = Callable[[Call], Answer]


def simulated(destination: str) -> Platform | None:
    """Return the simulated platform of a destination, or None where it has another form or nothing to answer by."""
    name = f"rekindle.sandbox.platforms.{destination}"
    if importlib.util.find_spec(name) is None:
        return _as_its_examples(destination)
    found: Platform | None = getattr(importlib.import_module(name), "answer", None)
    return found


def _as_its_examples(destination: str) -> Platform | None:
    module = discover("rekindle.destinations").get(destination)
    folder = files(module) / "examples" if module is not None else None
    if folder is None or not folder.is_dir():
        return None
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        for example in json.loads(path.read_text(encoding="utf-8")) if path.name.endswith(".json") else ():
            if "response" in example and set(example["per_event"]) <= {"delivered", "accepted"}:
                said = answer_from(example["response"])
                return lambda _call: said
    return None


def call(method: str, url: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> Call:
    """Read a request."""
    parts = urlsplit(url)
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    lowered = {name.lower(): value for name, value in headers.items()}
    return Call(method, parts.path, dict(parse_qsl(parts.query)), lowered, document, now_ms, body)


def reply(body: Any, status: int = 200, **headers: str) -> Answer:
    """Return a JSON answer; an underscore in a header's name stands for a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/json", **named}, msgspec.json.encode(body))


class SimulatedServer:
    """Serves a simulated platform. ``fail``, ``garbage`` and ``throttle`` count so many next calls that go wrong.

    ``taken`` holds the bodies that were answered with 2xx, newest last; ``refused`` the answers that were not.
    """

    def __init__(self, platform: Platform, clock: Clock, *, keep: int = 1000) -> None:
        self._platform = platform
        self._clock = clock
        self.fail = 0
        self.garbage = 0
        self.throttle = 0
        self.retry_after_s = 1
        self.calls = 0
        self.taken: deque[Any] = deque(maxlen=keep)
        self.refused: deque[Answer] = deque(maxlen=keep)

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve for the length of an ``async with`` block, which yields the address for the setting ``api_base``."""
        # Larger than any batch, so that the platform's rules answer and not the server.
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return serving(app, host=host, port=port)

    async def _handle(self, request: web.Request) -> web.Response:
        self.calls += 1
        got = call(request.method, str(request.rel_url), request.headers, await request.read(), self._clock())
        answer = self._fault() or self._platform(got)
        if 200 <= answer.status < 300:
            self.taken.append(got.body)
        else:
            self.refused.append(answer)
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)

    def _fault(self) -> Answer | None:
        if self.garbage > 0:
            self.garbage -= 1
            return Answer(502, {"content-type": "text/html"}, b"<html><body>Bad Gateway</body></html>")
        if self.fail > 0:
            self.fail -= 1
            return Answer(500, {}, b"")
        if self.throttle > 0:
            self.throttle -= 1
            return Answer(429, {"retry-after": str(self.retry_after_s)}, b"")
        return None
