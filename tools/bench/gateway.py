"""The gateway against others on the same core, runs taken in turn.

``nothing`` is a handler of the same server that reads the body and answers 204. ``durable`` is the gateway: it decodes,
decides on consent, classifies, pseudonymises, seals and commits to the log before it answers 204. ``Starlette`` inserts a
durable row for each event, by hand or with SQLAlchemy; ``walkerOS`` is its collector with a file as destination, which is
not durable, behind Express as its own HTTP source is, or bare behind Node's server.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tools.bench._load import Load, run, run_open

VISITORS = 400
WALKEROS = Path(__file__).parent / "walkeros"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


def event(number: int) -> dict[str, object]:
    return {
        "event": "view_item",
        "event_id": str(uuid.UUID(int=number)),
        "event_time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "source": "web",
        "page": {"url": f"https://shop.example/p/{number}?utm_source=ad", "referrer": "", "title": f"Jacket {number}"},
        "client": {"fbp": f"fb.1.1788000000000.{number}", "gclid": f"Cj0KCQ{number}"},
        "ecommerce": {
            "currency": "PLN",
            "value": 219.9,
            "items": [{"item_id": f"SKU-{number}", "item_name": f"Jacket {number}", "price": 219.9, "quantity": 1}],
        },
        "consent": dict.fromkeys(("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"), "granted"),
    }


def requests(events: int) -> list[bytes]:
    made = []
    for visitor in range(VISITORS):
        sent = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = json.dumps(
            {"sent_at": sent, "events": [event(visitor * events + number) for number in range(events)]},
            separators=(",", ":"),
        ).encode()
        head = (
            "POST /e HTTP/1.1\r\nHost: c.shop.example\r\nOrigin: https://shop.example\r\nContent-Type: text/plain\r\n"
            f"User-Agent: {BROWSER}\r\nCookie: rk_id=1.{visitor:022d}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class Running:
    """One of the servers, pinned to the first core where there are two."""

    def __init__(self, kind: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        core = min(os.sched_getaffinity(0)) if two_cores() else -1
        command = [sys.executable, "-m", "tools.bench._gateway_server", kind, str(self.port), str(folder), str(core)]
        if kind in NODE:
            command = ["node", str(WALKEROS / "server.mjs"), str(self.port), str(folder / f"{kind}.jsonl"), kind]
        self.process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": "src"})
        if core >= 0:
            os.sched_setaffinity(self.process.pid, {core})
        for _ in range(3000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        raise SystemExit(f"the {kind} server did not start")

    def cpu(self) -> float:
        """Return the processor seconds used so far, of all threads (0 where the system does not say)."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Case(NamedTuple):
    """One kind of run: requests with so many ``events`` to one of the servers."""

    title: str
    server: str
    events: int


class Bar(NamedTuple):
    """``case`` must do at least ``least`` times what ``base`` does; ``unit`` is what of ``case`` is counted."""

    case: str
    base: str
    unit: str
    least: float


class Run(NamedTuple):
    """One run: its load, and the processor time of the server for each request, in microseconds."""

    load: Load
    cpu_us: float


CASES = (
    Case("nothing", "nothing", 1),
    Case("durable, 1 event", "durable", 1),
    Case("durable, 10 events", "durable", 10),
    Case("Starlette, 1 event", "rows", 1),
    Case("SQLAlchemy, 1 event", "models", 1),
    Case("walkerOS, 1 event", "express", 1),
    Case("walkerOS bare, 1 event", "bare", 1),
)
NODE = {"express", "bare"}
BARS = (
    Bar("durable, 1 event", "nothing", "requests", 0.5),
    Bar("durable, 10 events", "nothing", "events", 1.5),
    Bar("durable, 1 event", "Starlette, 1 event", "requests", 5.0),
    Bar("durable, 1 event", "SQLAlchemy, 1 event", "requests", 5.0),
    Bar("durable, 1 event", "walkerOS, 1 event", "requests", 1.5),
    Bar("durable, 1 event", "walkerOS bare, 1 event", "requests", 1.5),
)


def two_cores() -> bool:
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) >= 2


def without_walkeros() -> str:
    """Return why walkerOS cannot be measured here, or nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js is not there"
    if not (WALKEROS / "node_modules").is_dir():
        install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(install, cwd=WALKEROS, capture_output=True).returncode:
            return "npm could not install it"
    return ""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("bench gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one run")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--folder", help="where the log is written; the system's temporary folder by default")
    options = parser.parse_args(arguments)
    skipped = without_walkeros()
    cases = [case for case in CASES if not (skipped and case.server in NODE)]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        servers = {kind: Running(kind, Path(name)) for kind in dict.fromkeys(case.server for case in cases)}
        apart = two_cores()
        if apart:
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        try:
            for case in cases:  # compilers and caches get warm
                run(servers[case.server].port, requests(case.events), options.connections, 1.0, 0)
            found = measure(servers, cases, options.rounds, options.seconds, options.connections)
            peak = statistics.median(one.load.rate for one in found["durable, 1 event"])
            open_runs = [
                run_open(servers["durable"].port, requests(1), 4 * options.connections, 0.7 * peak, options.seconds)
                for _ in range(options.rounds)
            ]
        finally:
            for running in servers.values():
                running.stop()
    print(
        f"{options.rounds} rounds of {options.seconds:g} s, {options.connections} connections; "
        f"server and load on a core each: {'yes' if apart else 'no'}; load average {os.getloadavg()[0]:.1f}"
    )
    show(cases, found)
    if skipped:
        print(f"walkerOS: skipped, {skipped}")
    p50, p99 = ([load.percentile_ms(share) for load in open_runs] for share in (0.5, 0.99))
    print(
        f"open loop at {0.7 * peak:.0f} requests/s (70 % of the closed loop): p50 {spread(p50, 1)} ms, "
        f"p99 {spread(p99, 1)} ms (bar: below 50), not 2xx: {sum(load.bad for load in open_runs)}"
    )


def measure(
    servers: dict[str, Running], cases: Sequence[Case], rounds: int, seconds: float, connections: int
) -> dict[str, list[Run]]:
    """Take the cases in turn, ``rounds`` times."""
    found: dict[str, list[Run]] = {case.title: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            server, made = servers[case.server], requests(case.events)
            before = server.cpu()
            load = run(server.port, made, connections, seconds, warm_up=0)
            if load.bad:
                raise SystemExit(f"{case.title}: {load.bad} answers were not 2xx")
            found[case.title].append(Run(load, (server.cpu() - before) / load.requests * 1e6))
    return found


def show(cases: Sequence[Case], found: dict[str, list[Run]]) -> None:
    """Print a line for each case and for each bar."""
    print(f"{'':22} {'requests/s':>11} {'events/s':>9} {'p50 ms':>7} {'p99 ms':>7} {'cpu us':>7}")
    for case in cases:
        loads = [one.load for one in found[case.title]]
        rate = statistics.median(load.rate for load in loads)
        p50, p99 = (statistics.median(load.percentile_ms(share) for load in loads) for share in (0.5, 0.99))
        cpu = statistics.median(one.cpu_us for one in found[case.title])
        print(f"{case.title:22} {rate:11.0f} {rate * case.events:9.0f} {p50:7.2f} {p99:7.2f} {cpu:7.1f}")
    events = {case.title: case.events for case in cases}
    for bar in BARS:
        if bar.base not in found:
            continue
        times = events[bar.case] if bar.unit == "events" else 1
        pairs = list(zip(found[bar.case], found[bar.base], strict=True))
        by_rate = [times * mine.load.rate / other.load.rate for mine, other in pairs]
        by_cpu = [times * other.cpu_us / mine.cpu_us for mine, other in pairs]
        print(
            f"{bar.unit} of `{bar.case}` for each request of `{bar.base}`: by processor time {spread(by_cpu)}, "
            f"by rate {spread(by_rate)} (bar: {bar.least})"
        )


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median and the extremes."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
