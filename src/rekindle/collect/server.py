"""Run a gateway on Granian, in this process, until SIGTERM or SIGINT.

One process, one event loop, one writer of the log. For more cores start more processes on the same port: the system
shares new connections among them (``SO_REUSEPORT``).
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from rekindle.collect.gateway import Gateway

_SLOWEST_HEAD_MS = 10_000
_LOOK_S = 0.01
_YOUNG_OBJECTS = 20_000
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- compared with, not bound to


def steady() -> None:
    """Let the garbage collector look less often; for processes that do nothing but serve.

    Hundreds of requests wait for their commit at once. By the collector's defaults each look would go through all of
    them, and the modules too, for cycles that hardly ever exist.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def make_server(application: object, host: str, port: int, slowest_head_ms: int = _SLOWEST_HEAD_MS) -> Server:
    """Return the server that an RSGI application runs on in this process."""
    return Server(
        application,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=slowest_head_ms),
    )


async def serve_gateway(
    gateway: Gateway,
    host: str,
    port: int,
    *,
    drain_s: float = 0.0,
    stopping: asyncio.Event | None = None,
    on_listening: Callable[[], None] = lambda: None,
    slowest_head_ms: int = _SLOWEST_HEAD_MS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Serve until ``stopping`` is set, or a signal comes if it is None.

    Then `/readyz` answers 503 for ``drain_s`` seconds while requests still go on, so that load balancers notice;
    then no new connection is taken, requests in flight are finished, and the gateway is closed. A connection whose
    request's head takes longer than ``slowest_head_ms`` is closed.
    """
    loop = asyncio.get_running_loop()
    stop = stopping or asyncio.Event()
    if stopping is None:
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
    server = make_server(gateway, host, port, slowest_head_ms)
    serving = loop.create_task(server.serve())
    stopped = loop.create_task(stop.wait())
    while not (serving.done() or stop.is_set()):
        if await _listens(host, port):
            on_listening()
            break
        await asyncio.sleep(_LOOK_S)
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not serving.done():
        gateway.drain()
        await sleep(drain_s)
        server.stop()  # type: ignore[no-untyped-call]
    await serving
    await gateway.close()


async def _listens(host: str, port: int) -> bool:
    """Tell whether the port answers; Granian says when it has bound, but listens a little later."""
    try:
        _, writer = await asyncio.open_connection(_ANY.get(host, host), port)
    except OSError:
        return False
    writer.close()
    return True
