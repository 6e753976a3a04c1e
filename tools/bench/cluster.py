"""Two gateways and two workers on Kafka (three brokers) and PostgreSQL: rates, lag over time, and a broker that dies under load.

Everything runs on this machine, so the brokers, the database and the writers take processor time from the gateways; the
processor time of each process is printed beside the rates. The platform is a receiver that syncs a line for every event.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psutil  # type: ignore[import-untyped]

from rekindle.cli import _torture
from rekindle.cli._compose import Installation, open_installation, settings_for
from rekindle.engines.log import Log
from rekindle.model.clock import rfc3339, system_clock
from rekindle.sandbox.torture import Bench
from tools.kafka import missing
from tools.torture import ground

ROLES = ("gateway", "gateway-2", "worker", "worker-2")
PATIENCE_S = 25.0
"""What a client waits for one answer: a gateway gives up after 20 s."""
PAUSE_S = 0.5


class Try(msgspec.Struct, frozen=True):
    """How one request went: ``answers`` of every try, and the time from its first moment to its acknowledgement."""

    at_s: float
    answers: Sequence[str]
    took_s: float


class Writers:
    """Clients of both gateways. A request without a 2xx is sent again, to the other gateway, with the same ids."""

    def __init__(self, bench: Bench, session: aiohttp.ClientSession, batch: int) -> None:
        self._bench, self._session, self._batch = bench, session, batch
        self._headers = {"authorization": f"Bearer {bench.api_key}", "content-type": "application/json"}
        self._number = 0
        self._began = time.perf_counter()
        self._run = f"{system_clock()}"
        self.tries: list[Try] = []

    async def closed(self, seconds: float, clients: int) -> None:
        """Write as fast as answers come, with so many requests under way."""
        until = time.perf_counter() + seconds

        async def one() -> None:
            while time.perf_counter() < until:
                await self.write()

        await asyncio.gather(*(one() for _ in range(clients)))

    async def open(self, seconds: float, rate: float) -> None:
        """Write at a steady rate, whether or not answers come."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as under_way:
            for number in range(int(seconds * rate)):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                under_way.create_task(self.write())

    async def write(self) -> None:
        """Send one request until it is acknowledged."""
        self._number += 1
        turn = self._number
        body = msgspec.json.encode([self._event(turn, number) for number in range(self._batch)])
        began, answers = time.perf_counter(), list[str]()
        while True:
            urls = self._bench.events_urls
            answers.append(await self._post(urls[(turn + len(answers)) % len(urls)], body))
            if answers[-1] == "200":
                break
            await asyncio.sleep(PAUSE_S)
        self.tries.append(Try(began - self._began, answers, time.perf_counter() - began))

    async def _post(self, url: str, body: bytes) -> str:
        try:
            async with self._session.post(url, data=body, headers=self._headers) as answer:
                await answer.read()
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    def _event(self, turn: int, number: int) -> dict[str, Any]:
        granted = {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}
        return {
            "event": "view_item",
            "event_id": f"g-{self._run}-{turn}-{number}",
            "event_time": rfc3339(system_clock()),
            "client": {"client_id": f"visitor-{turn % 500}"},
            "consent": granted,
            "ecommerce": {"items": [{"item_id": f"sku-{turn % 50}"}]},
        }


async def lag(log: Log) -> Counter[str]:
    """Return the records that each consumer has not yet worked off."""
    return Counter({each.consumer: each.records for each in await log.lag() if each.consumer != "archive"})


async def watch(log: Log, began: float, found: list[tuple[float, Counter[str]]]) -> None:
    """Note the lag every two seconds, until cancelled."""
    while True:
        found.append((time.perf_counter() - began, await lag(log)))
        await asyncio.sleep(2)


def used(bench: Bench) -> dict[str, float]:
    """Return the processor time of every process so far, in seconds."""
    found = {}
    for role, process in {**bench.processes, **bench.stores}.items():
        if process.pid is not None:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            found[role] = sum(each.cpu_times().user + each.cpu_times().system for each in family)
    return found


async def throughput(bench: Bench, log: Log, batch: int, seconds: float, clients: int) -> None:
    """Print what both gateways acknowledge, the lag meanwhile, and how long the workers take to catch up."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=clients)) as session:
        writers = Writers(bench, session, batch)
        before, began, lags = used(bench), time.perf_counter(), list[tuple[float, Counter[str]]]()
        watching = asyncio.create_task(watch(log, began, lags))
        await writers.closed(seconds, clients)
        took = time.perf_counter() - began
        while (await lag(log)).total():  # noqa: ASYNC110 - other processes have no events
            await asyncio.sleep(0.5)
        caught_up = time.perf_counter() - began
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    requests, events = len(writers.tries), len(writers.tries) * batch
    spent = {role: value - before.get(role, 0.0) for role, value in used(bench).items()}
    print(f"\n{batch} event(s) a request, {clients} requests under way, {seconds:.0f} s")
    print(f"  acknowledged: {requests / took:,.0f} requests/s, {events / took:,.0f} events/s")
    print(f"  answer: {_spread([each.took_s * 1000 for each in writers.tries])}")
    print(
        "  lag, most of any consumer:", ", ".join(f"{at:.0f} s {max(each.values(), default=0):,}" for at, each in lags)
    )
    behind = caught_up - took
    print(
        f"  caught up {behind:.1f} s after the last request: {events / caught_up:,.0f} events/s worked off from end to end"
    )
    groups = {
        "gateways": "gateway",
        "workers": "worker",
        "brokers": "broker",
        "database": "database",
        "platform": "platform",
    }
    for name, prefix in groups.items():
        seconds_used = sum(value for role, value in spent.items() if role.startswith(prefix))
        print(f"  processor time, {name}: {seconds_used / events * 1e6:,.0f} µs an event")


async def broker_death(bench: Bench, rate: float) -> None:
    """Print what clients see when one of three brokers is killed under load, and when it comes back."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        writers = Writers(bench, session, 1)
        writing = asyncio.create_task(writers.open(40, rate))
        await asyncio.sleep(10)
        bench.stores["broker-1"].kill()
        await asyncio.sleep(15)
        bench.stores["broker-1"].start()
        await writing
    tries = writers.tries
    failed = Counter(answer for each in tries for answer in each.answers if answer != "200")
    most = max(len(each.answers) for each in tries) - 1
    print(f"\none broker of three killed at 10 s, started again at 25 s; {rate:.0f} requests/s for 40 s")
    print(f"  requests: {len(tries):,}, all acknowledged; answers that were none of 2xx: {dict(failed) or 'none'}")
    print(
        f"  retries that a request needed: {most} at most; {sum(len(each.answers) > 1 for each in tries):,} needed one"
    )
    for name, start, end in (("before", 0, 10), ("while it is gone", 10, 25), ("when it is back", 25, 40)):
        print(f"  answer {name}: {_spread([each.took_s * 1000 for each in tries if start <= each.at_s < end])}")


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "too few"
    cuts = statistics.quantiles(values, n=100)
    return f"median {cuts[49]:,.0f} ms, p99 {cuts[98]:,.0f} ms, longest {max(values):,.0f} ms"


async def _run(folder: Path, stood_on: _torture.Ground, options: argparse.Namespace) -> None:
    async with _torture.bench(folder, stood_on) as bench:
        try:
            for role in ("platform", *ROLES):
                bench.processes[role].start()
            async with asyncio.timeout(120):
                for role in ("platform", *ROLES):
                    while not await bench.ready[role]():  # noqa: ASYNC110 - other processes have no events
                        await asyncio.sleep(0.2)
            installation = _opened(folder, stood_on)
            try:
                await _measure(bench, installation.log, options)
            finally:
                await installation.aclose()
        finally:
            for process in bench.processes.values():
                process.kill()


async def _measure(bench: Bench, log: Log, options: argparse.Namespace) -> None:
    async with aiohttp.ClientSession() as session:
        await Writers(bench, session, 1).closed(3, 4)
    while not (found := await lag(log)) or found.total():  # noqa: ASYNC110 - other processes have no events
        await asyncio.sleep(0.5)
    for batch in (1, 10):
        await throughput(bench, log, batch, options.seconds, options.clients)
    await broker_death(bench, options.rate)


def _opened(folder: Path, stood_on: _torture.Ground) -> Installation:
    shop = folder / "shop"
    settings = settings_for(shop, None, log_url=stood_on.log_url, database_url=stood_on.database_url)
    return open_installation(shop, None, settings)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tools.bench cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--clients", type=int, default=16, help="requests under way")
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second while a broker dies")
    options = parser.parse_args(arguments)
    reason = missing()
    if reason is not None:
        sys.exit(f"bench: cluster was skipped: {reason}")
    with (
        tempfile.TemporaryDirectory(prefix="rekindle-cluster-") as name,
        ground(Path(name) / "stores", ROLES) as stood_on,
    ):
        asyncio.run(_run(Path(name), stood_on, options))
