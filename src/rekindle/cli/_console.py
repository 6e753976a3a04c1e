"""The console's role: pages and JSON API for people."""

from __future__ import annotations

import asyncio

import structlog
from granian.constants import Interfaces
from granian.server.embed import Server

from rekindle.cli._compose import Installation
from rekindle.cli._letters import letter_desk, member_desk
from rekindle.cli._quality import category_desk, quality_desk
from rekindle.console.app import close_streams, create_console
from rekindle.ops.loop import stop_on_signals

_log = structlog.get_logger()


async def run(installation: Installation) -> None:
    """Serve until SIGTERM."""
    settings = installation.settings
    app = create_console(
        installation.database,
        installation.log,
        installation.workspaces,
        installation.clock,
        installation.record,
        secure=settings.console_url.startswith("https://"),
        trusted_proxies=settings.trusted_proxies,
        ledger_key=installation.keyring.ledger_key().public_key(),
        letters=letter_desk(installation),
        members=member_desk(installation),
        versions=installation.versions,
        vendors=installation.vendors,
        quality=quality_desk(installation),
        categories=category_desk(installation),
    )
    server = Server(
        app,
        address=settings.host,
        port=settings.console_port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    stopping = stop_on_signals()
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(stopping.wait())
    _log.info("listening", host=settings.host, port=settings.console_port)
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not serving.done():
        close_streams(app)
        server.stop()  # type: ignore[no-untyped-call]
    await serving
