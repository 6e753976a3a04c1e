"""The servers that the gateway bench compares, each in a process of its own on one core."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from pathlib import Path

import uvicorn
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rekindle.collect._http import Protocol_, Scope
from rekindle.collect.door import Guards
from rekindle.collect.entropy import pooled_random
from rekindle.collect.gateway import Gateway
from rekindle.collect.server import serve_gateway, steady
from rekindle.engines.database import open_database
from rekindle.engines.log import SqliteLog
from rekindle.engines.secrets import SealedFileSecrets
from rekindle.model.clock import system_clock
from rekindle.privacy import redact
from rekindle.privacy.decide import door
from rekindle.privacy.keys import Keyring
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.vault import Vault
from rekindle.workspace import Shop, Workspace


async def nothing(port: int) -> None:
    """Read the body, answer 204."""

    async def application(_: Scope, protocol: Protocol_) -> None:
        await protocol()
        protocol.response_empty(204, [])

    server = Server(
        application, address="127.0.0.1", port=port, interface=Interfaces.RSGI, websockets=False, log_enabled=False
    )
    await server.serve()


async def durable(port: int, folder: Path) -> None:
    """Everything the gateway does in an installation."""
    database = open_database(folder / "state.db")
    database.create_all()
    keyring = Keyring(SealedFileSecrets(folder / "secrets.json", bytes(32)))
    keyring.ensure()
    log = SqliteLog(folder / "log.db")
    vault = Vault(database, keyring, system_clock, random=pooled_random())
    shops = {
        "shop": Workspace(
            shop=Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN")
        )
    }
    gateway = Gateway(
        log=log,
        workspaces=lambda: shops,
        guards=Guards(
            door,
            Pseudonymiser(keyring).subject,
            vault.seal,
            redact.clean_url,
            redact.clean_text,
            redact.clean_search_term,
        ),
        verify=lambda key: None,  # noqa: ARG005
        clock=system_clock,
    )
    await serve_gateway(gateway, "127.0.0.1", port)
    await log.close()


def rows(port: int, folder: Path) -> None:
    """What a small service does: Starlette on uvicorn, one durable SQLite row for each event."""
    database = sqlite3.connect(folder / "rows.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE event (id TEXT PRIMARY KEY, name TEXT, time TEXT, body TEXT) WITHOUT ROWID")

    async def take(request: Request) -> Response:
        for event in (await request.json())["events"]:
            row = (event["event_id"], event["event"], event["event_time"], json.dumps(event))
            database.execute("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?)", row)
        return Response(status_code=204)

    application = Starlette(routes=[Route("/e", take, methods=["POST"])])
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", access_log=False, loop="uvloop")


if __name__ == "__main__":
    kind, port_text, folder_text, core = sys.argv[1:]
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    steady()
    if kind == "rows":
        rows(int(port_text), Path(folder_text))
        sys.exit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(nothing(int(port_text)) if kind == "nothing" else durable(int(port_text), Path(folder_text)))
