"""The servers that the gateway bench compares, each in a process of its own on one core."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa
import uvicorn
import uvloop
from sqlalchemy import orm
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rekindle.collect._http import Protocol_, Scope
from rekindle.collect.door import Guards
from rekindle.collect.entropy import pooled_random
from rekindle.collect.gateway import Gateway
from rekindle.collect.server import make_server, serve_gateway, steady
from rekindle.engines.database import open_database
from rekindle.engines.log import SqliteLog
from rekindle.engines.secrets import SealedFileSecrets
from rekindle.model.clock import system_clock
from rekindle.privacy import redact
from rekindle.privacy.decide import door
from rekindle.privacy.keys import Keyring
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.suppression import SuppressionCopy
from rekindle.privacy.vault import Vault
from rekindle.workspace import Shop, Workspace

_PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")


async def nothing(port: int) -> None:
    """Read the body, answer 204."""

    async def application(_: Scope, protocol: Protocol_) -> None:
        await protocol()
        protocol.response_empty(204, [])

    await make_server(application, "127.0.0.1", port).serve()


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
            SuppressionCopy(database, system_clock),
        ),
        verify=lambda key: None,  # noqa: ARG005
        clock=system_clock,
    )
    await serve_gateway(gateway, "127.0.0.1", port)
    await log.close()


def rows(port: int, folder: Path) -> None:
    """The leanest small service: Starlette on uvicorn, the standard library's SQLite, a durable row for each event."""
    database = sqlite3.connect(folder / "rows.db", isolation_level=None)
    for pragma in _PRAGMAS:
        database.execute(pragma)
    database.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, event_id TEXT, name TEXT, time TEXT, body TEXT)")
    insert = "INSERT INTO event (event_id, name, time, body) VALUES (?, ?, ?, ?)"

    async def take(request: Request) -> Response:
        for event in (await request.json())["events"]:
            database.execute(insert, (event["event_id"], event["event"], event["event_time"], json.dumps(event)))
        return Response(status_code=204)

    _starlette(take, port)


def models(port: int, folder: Path) -> None:
    """The usual small service: the same with SQLAlchemy's models, whose commits do not block the event loop."""

    class Base(orm.DeclarativeBase):
        pass

    class Row(Base):
        __tablename__ = "event"
        id = sa.Column(sa.Integer, primary_key=True)
        event_id, name, time, body = sa.Column(sa.Text), sa.Column(sa.Text), sa.Column(sa.Text), sa.Column(sa.Text)

    engine = sa.create_engine(f"sqlite:///{folder / 'models.db'}", connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    Base.metadata.create_all(engine)

    def save(events: list[dict[str, str]]) -> None:
        for event in events:
            with orm.Session(engine) as session, session.begin():
                session.add(
                    Row(
                        event_id=event["event_id"],
                        name=event["event"],
                        time=event["event_time"],
                        body=json.dumps(event),
                    )
                )

    async def take(request: Request) -> Response:
        await run_in_threadpool(save, (await request.json())["events"])
        return Response(status_code=204)

    _starlette(take, port)


def _starlette(take: Callable[[Request], Awaitable[Response]], port: int) -> None:
    application = Starlette(routes=[Route("/e", take, methods=["POST"])])
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", access_log=False, loop="uvloop")


if __name__ == "__main__":
    kind, port_text, folder_text, core = sys.argv[1:]
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    steady()
    if kind in ("rows", "models"):
        (rows if kind == "rows" else models)(int(port_text), Path(folder_text))
        sys.exit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(nothing(int(port_text)) if kind == "nothing" else durable(int(port_text), Path(folder_text)))
