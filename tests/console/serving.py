"""Serve a console on a real socket, for a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar

from rekindle.cli._demo.ports import choose
from rekindle.console import close_streams


@asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[str]:
    """Yield the origin of a running console."""
    port = choose(0)
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False, websockets=False)
    running = asyncio.create_task(server.serve())
    while not await _listens(port):
        assert not running.done(), f"the console has ended: {running.exception()}"
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    close_streams(app)
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait_for(running, timeout=120)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
