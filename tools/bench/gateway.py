"""The gateway against a handler that does nothing: same server, same core, runs taken in turn.

``nothing`` reads the body and answers 204. ``durable`` decodes, decides on consent, classifies, pseudonymises, seals
and commits to the log before it answers 204; with one event and with ten events in a request.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from tools.bench._load import Load, run

VISITORS = 400
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
        core = str(min(os.sched_getaffinity(0))) if two_cores() else "-1"
        command = [sys.executable, "-m", "tools.bench._gateway_server", kind, str(self.port), str(folder), core]
        self.process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": "src"})
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
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


def two_cores() -> bool:
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) >= 2


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("bench gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one run")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--folder", help="where the log is written; the system's temporary folder by default")
    options = parser.parse_args(arguments)
    apart = two_cores()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        servers = {"nothing": Running("nothing", Path(name)), "durable": Running("durable", Path(name))}
        if two_cores():
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        cases = [
            ("nothing, body of 1 event", "nothing", 1),
            ("durable, 1 event", "durable", 1),
            ("nothing, body of 10 events", "nothing", 10),
            ("durable, 10 events", "durable", 10),
        ]
        found: dict[str, list[Load]] = {case: [] for case, _, _ in cases}
        spent: dict[str, list[float]] = {case: [] for case, _, _ in cases}
        try:
            for _ in range(options.rounds):
                for case, server, events in cases:
                    made, before = requests(events), servers[server].cpu()
                    load = run(servers[server].port, made, options.connections, options.seconds, warm_up=0)
                    if load.bad:
                        raise SystemExit(f"{case}: {load.bad} answers were not 2xx")
                    found[case].append(load)
                    spent[case].append((servers[server].cpu() - before) / load.requests * 1e6)
        finally:
            for running in servers.values():
                running.stop()
    print(
        f"{options.rounds} rounds of {options.seconds:g} s, {options.connections} connections, server and load on a core each: {apart}"
    )
    print(f"{'':28} {'requests/s':>11} {'events/s':>10} {'p50 ms':>7} {'p99 ms':>7} {'cpu us':>7}")
    for case, server, events in cases:
        loads = found[case]
        rate = statistics.median(load.rate for load in loads)
        stored = f"{rate * events:10.0f}" if server == "durable" else " " * 10
        p50, p99 = (statistics.median(load.percentile_ms(share) for load in loads) for share in (0.5, 0.99))
        print(f"{case:28} {rate:11.0f} {stored} {p50:7.2f} {p99:7.2f} {statistics.median(spent[case]):7.1f}")
    for (base, _, _), (case, _, events) in (cases[0:2], (cases[0], cases[3])):
        work = statistics.median(spent[base]) / (statistics.median(spent[case]) or 1)
        ratios = [mine.rate / other.rate for mine, other in zip(found[case], found[base], strict=True)]
        print(
            f"{case}: {statistics.median(ratios):.2f} requests, {statistics.median(ratios) * events:.2f} events ",
            end="",
        )
        print(f"for each request of `{base}` (rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)})")
        print(f"{'':{len(case)}}  by processor time: {work:.2f} requests, {work * events:.2f} events")
