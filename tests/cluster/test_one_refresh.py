"""Fifty workers in ten processes on one PostgreSQL want the same token: the platform is asked once."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest
from aiohttp import web

from rekindle.engines.database import open_database
from rekindle.engines.database.migrate import migrate
from rekindle.sandbox.platforms._serve import serving
from tests.conftest import PostgresqlServer

pytestmark = pytest.mark.cluster


async def test_fifty_workers_in_ten_processes_ask_once(postgresql_server: PostgresqlServer) -> None:
    asked = 0

    async def give(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"access_token": f"access-{asked}", "expires_in": 1800})

    url = postgresql_server.fresh()
    database = open_database(url)
    migrate(database)
    database.close()
    app = web.Application()
    app.router.add_post("/token", give)
    async with serving(app) as base:
        command = [sys.executable, "-m", "tests.cluster.refreshing", url, f"{base}/token", "5"]
        processes = [await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE) for _ in range(10)]
        try:
            for process in processes:
                assert process.stdout is not None
                assert await process.stdout.readline() == b"ready\n"
            told = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
    assert asked == 1
    assert [line for out, _ in told for line in out.decode().split()] == ["access-1"] * 50
