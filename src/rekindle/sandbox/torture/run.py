"""One run: traffic, faults, repair, drain, and the evidence for the verdict."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from rekindle.model.clock import Clock
from rekindle.sandbox.torture.books import Acknowledged, Book, Receipt, Withdrawn, read
from rekindle.sandbox.torture.cable import Cable
from rekindle.sandbox.torture.clients import Client
from rekindle.sandbox.torture.faults import Cycle, Role
from rekindle.sandbox.torture.processes import Process
from rekindle.sandbox.torture.verdict import Verdict, judge

GRACE_MS: Final = 15_000
"""After a withdrawal, a send that was decided before it may still be on its way: a pause, and one request's time."""
CLIENTS: Final = 3
_REQUEST_S: Final = 15.0
_READY_S: Final = 120.0
_LOOK_S: Final = 0.1


class Evidence(msgspec.Struct):
    """What the installation's own books say, read when everything has come to rest."""

    stored: Counter[str]
    outcomes: dict[str, str]
    counted: int


class Bench(msgspec.Struct, frozen=True):
    """A prepared installation. ``books`` is a folder outside it; ``ready`` tells of each role whether it is up.

    ``stores`` are what the processes stand on (brokers, a database): they are broken like the others, and whoever made
    them ends them. ``room`` is the size, in bytes, at which a role's files cannot grow any more. ``events_urls`` are
    the gateways'. ``pending`` counts what is still to be read or sent; ``evidence`` reads the installation's books.
    """

    processes: Mapping[Role, Process]
    ready: Mapping[Role, Callable[[], Awaitable[bool]]]
    cable: Cable
    events_urls: Sequence[str]
    api_key: str
    books: Path
    room: Callable[[], int]
    pending: Callable[[], Awaitable[int]]
    evidence: Callable[[], Awaitable[Evidence]]
    stores: Mapping[Role, Process] = {}


class Result(msgspec.Struct):
    """The verdict, and what was done to get it."""

    verdict: Verdict
    seed: int
    cycles: Sequence[Cycle]
    kills: Mapping[str, int]
    troubles: Mapping[str, int]
    statuses: Mapping[str, int]
    sent: int
    seconds: float
    drained_s: float


async def torture(
    bench: Bench,
    cycles: Sequence[Cycle],
    seed: int,
    clock: Clock,
    *,
    drain_s: float = 180.0,
    told: Callable[[int, Cycle], None] = lambda _number, _cycle: None,
) -> Result:
    """Run every cycle, repair, drain for at most ``drain_s``, and judge. Every process is ended, whatever happens."""
    began = clock()
    clients_file, platform_file = bench.books / "clients.jsonl", bench.books / "platform.jsonl"
    stopping = asyncio.Event()
    book = Book(clients_file)
    urls = [bench.events_urls[number % len(bench.events_urls)] for number in range(CLIENTS)]
    clients = [Client(number, seed, url, bench.api_key, book, clock) for number, url in enumerate(urls)]
    faults = _Faults(bench)
    remarks: list[str] = []
    async with AsyncExitStack() as stack:
        stack.callback(book.close)
        stack.callback(faults.end_all)
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        await faults.start_all()
        await faults.ready()
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run(session, stopping.is_set))
            try:
                for number, cycle in enumerate(cycles):
                    told(number, cycle)
                    await faults.run(cycle)
                await faults.ready()
            finally:
                stopping.set()
        repaired = clock()
        await _drain(bench, clock, repaired + int(drain_s * 1000))
        drained = clock()
        for name, process in bench.processes.items():
            remarks.extend(f"{name} ended by itself with status {status}" for status in process.deaths)
            if not await process.stop():
                remarks.append(f"{name} did not end within 30 s of SIGTERM")
        for name, store in bench.stores.items():
            remarks.extend(f"{name} ended by itself with status {status}" for status in store.deaths)
    evidence = await bench.evidence()
    verdict = judge(
        acknowledged=[line.event_id for line in read(clients_file, Acknowledged)],
        stored=evidence.stored,
        outcomes=evidence.outcomes,
        receipts=list(read(platform_file, Receipt)),
        withdrawn=list(read(clients_file, Withdrawn)),
        counted=evidence.counted,
        grace_ms=GRACE_MS,
        remarks=remarks,
    )
    statuses: Counter[str] = Counter()
    for client in clients:
        statuses.update(client.statuses)
    return Result(
        verdict=verdict,
        seed=seed,
        cycles=cycles,
        kills=dict(faults.kills),
        troubles=dict(faults.troubles),
        statuses=dict(sorted(statuses.items())),
        sent=sum(client.sent for client in clients),
        seconds=(clock() - began) / 1000,
        drained_s=(drained - repaired) / 1000,
    )


class _Faults:
    """Does what a cycle says, and undoes it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._all = {**bench.stores, **bench.processes}
        self.kills: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()

    async def start_all(self) -> None:
        """Start what does not run; a process that finds no database ends, as it should, so databases come first."""
        for process in self._bench.stores.values():
            process.start()
        if "database" in self._bench.stores:
            await self._up("database")
        for process in self._bench.processes.values():
            process.start()

    async def ready(self) -> None:
        """Wait until everything answers; start again what ended by itself. Raises `TimeoutError`."""
        async with asyncio.timeout(_READY_S):
            for role in self._bench.ready:
                await self._up(role)

    def end_all(self) -> None:
        for process in self._bench.processes.values():
            process.resume()
            process.kill()

    async def run(self, cycle: Cycle) -> None:
        await self.ready()
        await asyncio.sleep(cycle.before_s)
        self._begin(cycle)
        await asyncio.sleep(cycle.hold_s / 2)
        for role in cycle.kill:
            self._all[role].kill()
            self.kills[role] += 1
        await asyncio.sleep(cycle.down_s)
        await self.start_all()
        await asyncio.sleep(cycle.hold_s / 2)
        self._end(cycle)

    async def _up(self, role: Role) -> None:
        while not await self._bench.ready[role]():
            self._all[role].start()
            await asyncio.sleep(_LOOK_S)

    def _begin(self, cycle: Cycle) -> None:
        match cycle.trouble:
            case "pause":
                self._all[cycle.victim].pause()
            case "refuse" | "mute":
                self._bench.cable.switch(cycle.trouble)
            case "full":
                if not self._all[cycle.victim].choke(self._bench.room()):
                    self.troubles["full (not on this system)"] += 1
                    return
            case "none":
                return
        self.troubles[cycle.trouble] += 1

    def _end(self, cycle: Cycle) -> None:
        self._bench.cable.switch("open")
        self._all[cycle.victim].resume()
        if cycle.trouble == "full":
            victim = self._all[cycle.victim]
            if cycle.victim in self._bench.stores:  # one that met a full disk is started again once there is room
                victim.kill()
            victim.choke(None)
            victim.start()


async def _drain(bench: Bench, clock: Clock, until_ms: int) -> None:
    while await bench.pending() and clock() < until_ms:  # noqa: ASYNC110 - other processes have no events
        await asyncio.sleep(_LOOK_S * 5)
