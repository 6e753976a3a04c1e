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
from contextlib import ExitStack
from pathlib import Path

from rekindle.ops.loop import run_steps
from tools.bench._egress_world import Shop, platform

_DEAD = "http://127.0.0.1:9"
_RATE = 100
"""Events a second in the test of isolation."""


def resident_mb() -> float:
    """Return this process's resident memory (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def drain(folder: Path, base: str, began: float) -> dict[str, float]:
    """Send everything that waits; return what it took."""
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


async def _p99(bases: list[str], seconds: float) -> float:
    """Run lanes to all addresses at a steady rate of events; return the p99 (ms) of all but the last."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        lanes = [shop.lane(f"meta{number}", base) for number, base in enumerate(bases)]
        stopping = asyncio.Event()
        tasks = [
            asyncio.create_task(run_steps({lane.name: lane.step}, idle_s=0.05, stopping=stopping)) for lane in lanes
        ]
        await asyncio.sleep(1)
        shop.transport.waits.clear()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await shop.happen(_RATE // 10, 200)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        others = {base.split("/")[2] for base in bases[:-1]}
        waits = [one for host, found in shop.transport.waits.items() if host in others for one in found]
        stopping.set()
        await asyncio.gather(*tasks)
        for lane in lanes:
            await lane.close()
        await shop.close()
    return statistics.quantiles(waits, n=100)[98] * 1000


def isolation(rounds: int, seconds: float) -> None:
    """Print the p99 from append to answer at two platforms, beside a third that is well, dead, or late by 5 s."""
    found: dict[str, list[float]] = {"well": [], "dead": [], "5 s late": []}
    with ExitStack() as stack:
        good = [stack.enter_context(platform()).base for _ in range(3)]
        late = stack.enter_context(platform(5)).base
        kinds = [("well", good[2]), ("dead", _DEAD), ("5 s late", late)]
        for number in range(rounds):
            # Each round begins with another one, so that a machine that gets slower favours none.
            turn = number % len(kinds)
            for name, third in kinds[turn:] + kinds[:turn]:
                found[name].append(asyncio.run(_p99([*good[:2], third], seconds)))
    print(f"p99 from append to answer at two platforms, {_RATE} events/s each, beside a third that is")
    for name, took in found.items():
        ratios = [one / well for one, well in zip(took, found["well"], strict=True)]
        print(f"  {name}: {_spread(took, 0)} ms; ratio {_spread(ratios, 2)}")
        print(f"    of the medians: {statistics.median(took) / statistics.median(found['well']):.2f}")


def _spread(values: list[float], digits: int) -> str:
    middle = f"{statistics.median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench egress", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=30_000, help="events that wait")
    parser.add_argument("--seconds", type=float, default=8, help="of each run of the test of isolation")
    parser.add_argument("--away", choices=("platform", "worker"), help="who was away while events came [default: each]")
    parser.add_argument("--only", choices=("throughput", "isolation"))
    parser.add_argument("--drain", nargs=3, metavar=("FOLDER", "ADDRESS", "BEGAN"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.drain:
        folder, base, began = given.drain
        print(json.dumps(asyncio.run(drain(Path(folder), base, float(began)))))
        return
    if given.only != "isolation":
        for away in ("platform", "worker"):
            if given.away in (None, away):
                throughput(given.rounds, given.events, away)
    if given.only != "throughput":
        isolation(given.rounds, given.seconds)
