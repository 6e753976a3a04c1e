"""The simulated platform as a process of its own: it answers 204 once what it received is on stable storage.

``python -m rekindle.sandbox.torture.receiver PORT FILE``; the webhook's secret comes in ``TORTURE_WEBHOOK_SECRET``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from rekindle.sandbox.torture.books import Book, Receipt


class _Ecommerce(msgspec.Struct):
    transaction_id: str = ""


class _Event(msgspec.Struct):
    event_id: str
    ecommerce: _Ecommerce = msgspec.field(default_factory=_Ecommerce)


class _Data(msgspec.Struct):
    events: list[_Event]


class _Batch(msgspec.Struct):
    data: _Data


def application(secret: str, file: Path) -> web.Application:
    """Return the receiver, which appends a `Receipt` to ``file`` for every event of every request."""
    webhook = Webhook(secret)
    book = Book(file)
    decoder = msgspec.json.Decoder(_Batch)

    async def post(request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            webhook.verify(raw, dict(request.headers), json_parse=False)
        except WebhookVerificationError:
            return web.Response(status=401)
        sent_ms = int(request.headers["webhook-timestamp"]) * 1000
        events = decoder.decode(raw).data.events
        book.write([Receipt(event.event_id, event.ecommerce.transaction_id, sent_ms) for event in events])
        return web.Response(status=204)

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="alive")

    app = web.Application(client_max_size=16 << 20)
    app.router.add_get("/livez", alive)
    app.router.add_post("/hook", post)
    return app


if __name__ == "__main__":
    web.run_app(
        application(os.environ["TORTURE_WEBHOOK_SECRET"], Path(sys.argv[2])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        print=None,
        access_log=None,
        shutdown_timeout=0.2,
    )
