"""A simulated webhook receiver that verifies signatures. Source: Standard Webhooks specification 1.0."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from rekindle.sandbox.platforms._serve import serving


class WebhookReceiver:
    """Keeps events whose signature is right, each once. ``fail`` makes so many next calls end in HTTP 500.

    The library compares timestamps with the machine's clock (five minutes), so it is for senders on real time;
    ``verify=`` takes another check.
    """

    def __init__(self, secret: str, verify: Callable[[bytes, dict[str, str]], bool] | None = None) -> None:
        self._webhook = Webhook(secret)
        self._verify = verify or self._standard
        self.fail = 0
        self.gone = False
        self.calls = 0
        self.rejected = 0
        self._events: dict[str, dict[str, Any]] = {}

    @property
    def received(self) -> list[dict[str, Any]]:
        """The events that were taken, in order."""
        return list(self._events.values())

    def app(self) -> web.Application:
        """Return the receiver as an aiohttp application; it listens at ``/hook``."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/hook", self._post)
        return app

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve for the length of an ``async with`` block, which yields the address without ``/hook``."""
        return serving(self.app(), host=host, port=port)

    def _standard(self, raw: bytes, headers: dict[str, str]) -> bool:
        try:
            self._webhook.verify(raw, headers, json_parse=False)
        except WebhookVerificationError:
            return False
        return True

    async def _post(self, request: web.Request) -> web.Response:
        self.calls += 1
        raw = await request.read()
        if self.gone:
            return web.Response(status=410)
        if self.fail > 0:
            self.fail -= 1
            return web.Response(status=500)
        if not self._verify(raw, {name.lower(): value for name, value in request.headers.items()}):
            self.rejected += 1
            return web.Response(status=401)
        body = json.loads(raw)
        events = body["data"]["events"] if body["type"] == "events.batch" else [body["data"]]
        for event in events:
            self._events.setdefault(event["event_id"], event)
        return web.Response(status=204)
