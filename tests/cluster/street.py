"""Cluster mode on one machine: two of each role behind Caddy, on Kafka and PostgreSQL, with a simulated webhook."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from rekindle.cli import _compose
from rekindle.cli._demo.folder import Addresses, keys, prepare
from rekindle.cli._demo.ports import choose
from rekindle.cli._documents import read_folder
from rekindle.model.clock import rfc3339, system_clock
from rekindle.sandbox.platforms.webhook import WebhookReceiver
from rekindle.sandbox.shop import CATALOG
from tests.conftest import ROOT

READY_S = 90.0
SHOP = "http://127.0.0.1:8000"
_PORTS = {"gateway": "gateway_port", "worker": "worker_port", "scheduler": "scheduler_port", "console": "console_port"}


class Process:
    """One process of one role, with a port of its own."""

    def __init__(self, role: str, folder: Path, environment: dict[str, str], log: Path) -> None:
        self.role = role
        self.port = choose(0)
        self._log = log
        self._environment = os.environ | environment | {f"REKINDLE_{_PORTS[role].upper()}": str(self.port)}
        self._command = [sys.executable, "-m", "rekindle", "serve", role]
        self._command += ["--workspace", str(folder), "--data", str(folder / "data"), "--drain", "1.5"]
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._running = subprocess.Popen(self._command, env=self._environment, stdout=out, stderr=out)

    async def ready(self, session: aiohttp.ClientSession) -> None:
        """Return when it answers at ``/readyz`` (the console: ``/livez``)."""
        path = "livez" if self.role == "console" else "readyz"
        await answers(session, f"http://127.0.0.1:{self.port}/{path}", self)

    async def stop(self) -> None:
        """End it as an orderly restart does. Raises `AssertionError` when it does not end by itself."""
        if self._running is None:
            return
        self._running.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self._running.wait, 60)
        self._running = None
        assert status == 0, f"{self.role} ended with {status}:\n{self.said()}"

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


async def answers(session: aiohttp.ClientSession, url: str, process: Process | None = None) -> None:
    ends = asyncio.get_running_loop().time() + READY_S
    while True:
        try:
            async with session.get(url) as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        if asyncio.get_running_loop().time() > ends:
            raise AssertionError(f"{url} did not come up:\n{process.said() if process else ''}")
        await asyncio.sleep(0.1)


class Street(msgspec.Struct, frozen=True):
    installation: _compose.Installation
    webhook: WebhookReceiver
    door: str
    processes: list[Process]
    session: aiohttp.ClientSession

    def of(self, role: str) -> list[Process]:
        return [process for process in self.processes if process.role == role]

    async def restart(self, process: Process) -> None:
        await process.stop()
        process.start()
        await process.ready(self.session)


@asynccontextmanager
async def open_street(folder: Path, log_url: str, database_url: str) -> AsyncIterator[Street]:
    environment = {
        "REKINDLE_LOG_URL": log_url,
        "REKINDLE_DATABASE_URL": database_url,
        "REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true",
        "REKINDLE_TRUSTED_PROXIES": "127.0.0.1",
        "REKINDLE_LOG_LEVEL": "warning",
        "PYTHONPATH": str(ROOT / "src"),
    }
    settings = _compose.settings_for(folder, None, log_url=log_url, database_url=database_url)
    _compose.create(settings)
    installation = _compose.open_installation(folder, None, settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(installation.aclose)
        webhook = WebhookReceiver(keys(installation).webhook_secret)
        addresses = Addresses(
            shop=SHOP, gateway="", console="", meta=SHOP, webhook=await stack.enter_async_context(webhook.serve())
        )
        prepare(folder, addresses, CATALOG, own_catalog=True, currency="PLN")
        (folder / "destinations" / "meta.toml").unlink()
        installation.versions.apply(read_folder(folder), "test", "cluster mode")
        roles = ["gateway", "gateway", "worker", "worker", "scheduler", "scheduler", "console"]
        processes = [
            Process(role, folder, environment, folder / f"{role}-{number}.log") for number, role in enumerate(roles)
        ]
        for process in processes:
            stack.callback(process.kill)
            process.start()
        # Without cookies each event is a visitor of its own, and they spread over the partitions.
        session = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40), cookie_jar=aiohttp.DummyCookieJar())
        )
        for process in processes:
            await process.ready(session)
        door = f"http://127.0.0.1:{choose(0)}"
        stack.callback(_caddy(folder, door, [process.port for process in processes if process.role == "gateway"]))
        await answers(session, f"{door}/readyz")
        yield Street(installation, webhook, door, processes, session)


class Client:
    """An open loop of views with ids of their own, each tried twice, with its own account of what was answered."""

    def __init__(self, street: Street) -> None:
        self._street = street
        self.acknowledged: list[str] = []
        self.again: list[str] = []
        self.refused: list[str] = []
        self.stopping = False

    async def run(self, per_second: float) -> None:
        number = 0
        async with asyncio.TaskGroup() as under_way:
            while not self.stopping:
                number += 1
                under_way.create_task(self._visit(f"e-{number}"))
                await asyncio.sleep(1 / per_second)

    async def more(self, count: int) -> None:
        """Return when so many more events were acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(90):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.02)

    async def _visit(self, event_id: str) -> None:
        if not await self._send(event_id):
            self.again.append(event_id)
            await asyncio.sleep(0.5)
            if not await self._send(event_id):
                self.refused.append(event_id)
                return
        self.acknowledged.append(event_id)

    async def _send(self, event_id: str) -> bool:
        event = {
            "event": "view_item",
            "event_id": event_id,
            "event_time": rfc3339(system_clock()),
            "page": {"url": f"{SHOP}/p/1"},
            "ecommerce": {"currency": "PLN", "items": [{"item_id": "1"}]},
            "consent": {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"},
        }
        headers = {"origin": SHOP, "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/143.0.0.0 Safari/537.36"}
        try:
            async with self._street.session.post(f"{self._street.door}/e", json=event, headers=headers) as answer:
                return answer.status == 204
        except (aiohttp.ClientError, TimeoutError):
            return False


def _caddy(folder: Path, door: str, ports: list[int]) -> Callable[[], None]:
    home = folder / "caddy"
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "REKINDLE_SITE": door,
        "REKINDLE_GATEWAYS": " ".join(f"127.0.0.1:{port}" for port in ports),
    }
    command = [str(Path(sys.executable).parent / "caddy"), "run", "--adapter", "caddyfile"]
    command += ["--config", str(ROOT / "docs" / "deploy" / "Caddyfile")]
    with (folder / "caddy.log").open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)

    def stop() -> None:
        process.kill()
        process.wait()

    return stop
