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
_READY_S: Final = 60.0
_LOOK_S: Final = 0.1


class Evidence(msgspec.Struct):
    """What the installation's own books say, read when everything has come to rest."""

    stored: Counter[str]
    outcomes: dict[str, str]
    counted: int


class Bench(msgspec.Struct, frozen=True):
    """A prepared installation. ``books`` is a folder outside it; ``ready`` are URLs that answer 2xx when up.

    ``log_file`` grows with every append (its size is where ``full`` draws the line). ``pending`` counts what is still
    to be read or sent; ``evidence`` reads the installation's books.
    """

    processes: Mapping[Role, Process]
    ready: Mapping[Role, str]
    cable: Cable
    events_url: str
    api_key: str
    books: Path
    log_file: Path
    pending: Callable[[], Awaitable[int]]
    evidence: Callable[[], Awaitable[Evidence]]


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
    clients = [Client(number, seed, bench.events_url, bench.api_key, book, clock) for number in range(CLIENTS)]
    faults = _Faults(bench)
    remarks: list[str] = []
    async with AsyncExitStack() as stack:
        stack.callback(book.close)
        stack.callback(faults.end_all)
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        faults.start_all()
        await _ready(bench, session)
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run(session, stopping.is_set))
            try:
                for number, cycle in enumerate(cycles):
                    told(number, cycle)
                    await faults.run(cycle, session)
                await _ready(bench, session)
            finally:
                stopping.set()
        repaired = clock()
        await _drain(bench, clock, repaired + int(drain_s * 1000))
        drained = clock()
        for name, process in bench.processes.items():
            if process.deaths:
                remarks.append(f"{name} ended {process.deaths} time(s) by itself")
            if not await process.stop():
                remarks.append(f"{name} did not end within 30 s of SIGTERM")
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
        self.kills: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()

    def start_all(self) -> None:
        for process in self._bench.processes.values():
            process.start()

    def end_all(self) -> None:
        for process in self._bench.processes.values():
            process.resume()
            process.kill()

    async def run(self, cycle: Cycle, session: aiohttp.ClientSession) -> None:
        await _ready(self._bench, session)
        await asyncio.sleep(cycle.before_s)
        self._begin(cycle)
        await asyncio.sleep(cycle.hold_s / 2)
        for role in cycle.kill:
            self._bench.processes[role].kill()
            self.kills[role] += 1
        await asyncio.sleep(cycle.down_s)
        self.start_all()
        await asyncio.sleep(cycle.hold_s / 2)
        self._end(cycle)

    def _begin(self, cycle: Cycle) -> None:
        processes = self._bench.processes
        match cycle.trouble:
            case "pause":
                processes[cycle.victim].pause()
            case "refuse" | "mute":
                self._bench.cable.switch(cycle.trouble)
            case "full":
                file = self._bench.log_file
                if not processes["gateway"].choke(file.stat().st_size if file.exists() else 0):
                    self.troubles["full (not on this system)"] += 1
                    return
            case "none":
                return
        self.troubles[cycle.trouble] += 1

    def _end(self, cycle: Cycle) -> None:
        self._bench.cable.switch("open")
        self._bench.processes[cycle.victim].resume()
        if cycle.trouble == "full":
            self._bench.processes["gateway"].choke(None)


async def _ready(bench: Bench, session: aiohttp.ClientSession) -> None:
    """Wait until everything answers; start again what ended by itself. Raises `TimeoutError`."""
    async with asyncio.timeout(_READY_S):
        for role, url in bench.ready.items():
            while not await _answers(session, url):
                bench.processes[role].start()
                await asyncio.sleep(_LOOK_S)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _drain(bench: Bench, clock: Clock, until_ms: int) -> None:
    while await bench.pending() and clock() < until_ms:  # noqa: ASYNC110 - other processes have no events
        await asyncio.sleep(_LOOK_S * 5)
