"""Serve a console on a real socket, for a real browser."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar

from rekindle.console import close_streams


@asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[str]:
    """Yield the origin of a running console."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False, websockets=False)
    running = asyncio.create_task(server.serve())
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            break
    yield f"http://127.0.0.1:{port}"
    close_streams(app)
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait_for(running, timeout=10)
