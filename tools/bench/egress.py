"""The way out: what an event costs a core, how many requests it takes, and whether a sick platform slows the others.

Events are read from the log, decided, opened, mapped, recorded in the ledger, sent in batches over HTTP to a simulated
Meta (a process of its own that checks every event), and their outcomes recorded. State is SQLite with ``fsync``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rekindle.ops.interpreter import settled
from rekindle.ops.memory import few_arenas
from tools.bench._egress_world import Shop, platform
from tools.bench._isolation import isolation
from tools.bench._worker_start import first_send


def resident_mb() -> float:
    """Return this process's resident memory (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def drain(folder: Path, base: str, began: float) -> dict[str, float]:
    """Send everything that waits; return what it took."""
    # As a worker does (`rekindle serve worker`).
    few_arenas()
    settled()
    opened, used = time.time(), time.process_time()
    shop = Shop(folder)
    lane = shop.lane("meta", base)
    memory: list[float] = []
    start = time.perf_counter()
    while await lane.step():
        memory.append(resident_mb())
    took, used = time.perf_counter() - start, time.process_time() - used
    assert shop.transport.first is not None
    tenth = memory[len(memory) // 10]
    found = {
        "events": shop.transport.events, "requests": shop.transport.requests, "seconds": took, "processor": used,
        "first_s": shop.transport.first - opened, "first_with_start_s": shop.transport.first - began,
        "memory_early_mb": tenth, "memory_peak_mb": max(memory),
    }  # fmt: skip
    await lane.close()
    await shop.close()
    return found


def throughput(rounds: int, events: int, away: str) -> None:
    """Print what an event costs and what a restart with a backlog does; each round is a process of its own."""
    rows = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, platform() as there:
            base = there.base
            asyncio.run(_fill(Path(folder), base, events, followed=away == "platform"))
            command = [sys.executable, "-m", "tools.bench", "egress", "--drain", folder, base, str(time.time())]
            done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
            rows.append(json.loads(done.stdout))
    each = [row["processor"] / row["events"] * 1e6 for row in rows]
    print(f"{events:,} events waiting, the {away} was away, {rounds} rounds, a new process each; median (spread)")
    print(f"  processor time an event: {_spread(each, 0)} µs, {1e6 / statistics.median(each):,.0f} events/s a core")
    print(f"  events/s by the clock: {_spread([row['events'] / row['seconds'] for row in rows], 0)}")
    print(f"  events a request: {_spread([row['events'] / row['requests'] for row in rows], 0)}")
    print(f"  first request after opening: {_spread([row['first_s'] for row in rows], 2)} s,", end=" ")
    print(f"after starting the process: {_spread([row['first_with_start_s'] for row in rows], 2)} s")
    print(f"  memory after a tenth: {_spread([row['memory_early_mb'] for row in rows], 0)} MB,", end=" ")
    print(f"peak: {_spread([row['memory_peak_mb'] for row in rows], 0)} MB")


async def _fill(folder: Path, base: str, events: int, *, followed: bool) -> None:
    shop = Shop(folder)
    lane = shop.lane("meta", base)
    await lane.step()  # the cursor exists, as after a worker's last life
    for start in range(0, events, 1_000):
        await shop.happen(min(1_000, events - start), max(1, events // 10))
    # Where the platform was away and not the worker, the view of consents was following until the end.
    while followed and await shop.consents.step():
        pass
    if not followed:
        await shop.log.consumer("consents")  # it was there, and nobody read
    await lane.close()
    await shop.close()


def start(rounds: int, events: int, away: str) -> None:
    """Print how long a worker takes from its start by an operator to the first send."""
    found = [first_send(events, away) for _ in range(rounds)]
    print(
        f"`rekindle serve worker` with {events:,} events waiting, the {away} was away, {rounds} rounds; median (spread)"
    )
    print(f"  first request after starting the process: {_spread([one.seconds for one in found], 2)} s,", end=" ")
    print(f"without the wait for a core: {_spread([one.seconds - one.core_s for one in found], 2)} s,", end=" ")
    print(f"its processor time until then: {_spread([one.processor_s for one in found], 2)} s")


def _spread(values: list[float], digits: int) -> str:
    middle = f"{statistics.median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench egress", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=30_000, help="events that wait")
    parser.add_argument("--blocks", type=int, default=7, help="of each kind in the test of isolation")
    parser.add_argument("--seconds", type=float, default=10, help="of each block of the test of isolation")
    parser.add_argument("--away", choices=("platform", "worker"), help="who was away while events came [default: each]")
    parser.add_argument("--only", choices=("throughput", "isolation", "start"))
    parser.add_argument("--drain", nargs=3, metavar=("FOLDER", "ADDRESS", "BEGAN"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.drain:
        folder, base, began = given.drain
        print(json.dumps(asyncio.run(drain(Path(folder), base, float(began)))))
        return
    for away in ("platform", "worker"):
        if given.away in (None, away):
            if given.only in (None, "throughput"):
                throughput(given.rounds, given.events, away)
            if given.only in (None, "start"):
                start(given.rounds, given.events, away)
    if given.only in (None, "isolation"):
        isolation(given.blocks, given.seconds)
