"""Gateway and worker with every destination down: does memory stay flat, and how fast do they catch up afterwards?

Events of many visitors come at a bounded rate (an open loop), every one with its own id. After so many minutes the
simulated platforms come up on the ports where they were missing, arrivals end, and the backlog is timed.
Run: ``python -m tools.soak --minutes 10 --rate 100``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from rekindle.cli import _compose
from rekindle.cli._demo.folder import PIXEL, Addresses, keys, prepare
from rekindle.cli._demo.ports import free
from rekindle.model.clock import system_clock
from rekindle.sandbox.platforms.meta import MetaPlatform
from rekindle.sandbox.platforms.webhook import WebhookReceiver
from rekindle.sandbox.shop import CATALOG
from tools.bench._load import run_open
from tools.bench.gateway import BROWSER, event

VISITORS = 5000
LONGEST_CATCH_UP_S = 900.0
ROLES = ("gateway", "worker")


def requests(origin: str, first: int, count: int) -> list[bytes]:
    """Return requests of one new event each."""
    made = []
    for number in range(first, first + count):
        sent = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = json.dumps({"sent_at": sent, "events": [event(number)]}, separators=(",", ":")).encode()
        head = (
            f"POST /e HTTP/1.1\r\nHost: c.shop.example\r\nOrigin: {origin}\r\nUser-Agent: {BROWSER}\r\n"
            f"Cookie: rk_id=1.{number % VISITORS:022d}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def rss_mb(process: int) -> float:
    """Return a process's resident memory."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextlib.asynccontextmanager
async def serving(folder: Path, ports: dict[str, int]) -> AsyncIterator[dict[str, int]]:
    """Run the two roles; yield their process ids."""
    environment = os.environ | {f"REKINDLE_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    environment |= {"REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true", "REKINDLE_LOG_LEVEL": "error"}
    where = ["--workspace", str(folder), "--data", str(folder / "data")]
    command = [sys.executable, "-m", "rekindle", "serve"]
    running = {role: await asyncio.create_subprocess_exec(*command, role, *where, env=environment) for role in ROLES}
    try:
        yield {role: child.pid for role, child in running.items()}
    finally:
        for child in running.values():
            child.terminate()
        for child in running.values():
            await child.wait()


async def backlog(installation: _compose.Installation) -> int:
    """Return how many records the slowest destination has not read."""
    return max((lag.records for lag in await installation.log.lag() if lag.consumer.startswith("lane/")), default=0)


async def soak(folder: Path, minutes: float, rate: float) -> None:
    names = (*ROLES, "meta", "webhook", "shop")
    ports = dict(zip(names, free(len(names)), strict=True))
    addresses = Addresses(
        *(f"http://127.0.0.1:{ports.get(name, 1)}" for name in ("shop", "gateway", "", "meta", "webhook"))
    )
    settings = _compose.settings_for(folder)
    _compose.create(settings)
    installation = _compose.open_installation(folder, None, settings)
    secrets = keys(installation)
    workspace = prepare(folder, addresses, CATALOG, own_catalog=True, currency="PLN")
    installation.versions.apply(workspace, "soak", "soak")
    sent = bad = 0
    async with serving(folder, {role: ports[role] for role in ROLES}) as pids:
        await _up(ports["gateway"])
        print(f"{'minute':>6} {'gateway MB':>10} {'worker MB':>10} {'sent':>8} {'backlog':>8}", flush=True)
        slices = max(1, round(minutes * 2))
        for number in range(slices + 1):
            memory = [rss_mb(pids[role]) for role in ROLES]
            print(
                f"{number / 2:6.1f} {memory[0]:10.1f} {memory[1]:10.1f} {sent:8} {await backlog(installation):8}",
                flush=True,
            )
            if number == slices:
                break
            made = requests(addresses.shop, sent, round(rate * 30))
            load = await asyncio.to_thread(run_open, ports["gateway"], made, 64, rate, 30)
            sent += load.requests
            bad += load.bad
        waiting = await backlog(installation)
        meta = MetaPlatform(system_clock, pixel_id=PIXEL, token=secrets.meta_token)
        webhook = WebhookReceiver(secrets.webhook_secret)
        began = time.monotonic()
        async with meta.serve(port=ports["meta"]), webhook.serve(port=ports["webhook"]):
            first = 0.0
            while (left := await backlog(installation)) and time.monotonic() - began < LONGEST_CATCH_UP_S:
                if not first and left < waiting:
                    first = time.monotonic()
                await asyncio.sleep(0.2)
            took = time.monotonic() - (first or began)
        print(f"answers that were not 2xx: {bad} of {sent}; {left} left after the catch-up")
        pause = (first or began) - began
        print(
            f"caught up {waiting} events in {took:.1f} s, {pause:.1f} s after the platforms came back: "
            f"{waiting / took:.0f} events/s, {waiting / took / rate:.1f} times the arrivals of {rate:g}/s (bar: 5)"
        )
        print(f"memory then: gateway {rss_mb(pids['gateway']):.1f} MB, worker {rss_mb(pids['worker']):.1f} MB")
    await installation.aclose()


async def _up(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the gateway did not start")


def main() -> None:
    parser = argparse.ArgumentParser("python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        asyncio.run(soak(Path(name), options.minutes, options.rate))


if __name__ == "__main__":
    main()
