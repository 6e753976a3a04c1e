"""Set up an installation to be tortured, and read its books afterwards."""

from __future__ import annotations

import base64
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from rekindle.cli import _compose
from rekindle.cli._documents import read_folder
from rekindle.egress.lane import consumer_name
from rekindle.egress.status import all_outcomes, status
from rekindle.model.clock import system_clock
from rekindle.model.record import Stored, decode
from rekindle.ops.archive import pages
from rekindle.profiles import totals
from rekindle.sandbox.torture import Bench, Cycle, Evidence, Result, torture
from rekindle.sandbox.torture.cable import Cable
from rekindle.sandbox.torture.faults import Role
from rekindle.sandbox.torture.processes import Process
from rekindle.workspace.access import ApiKeys

_NAME = "torture"
_PLATFORM = "platform"
_ROLES: tuple[Role, ...] = ("gateway", "worker", "scheduler")


async def run(
    folder: Path,
    cycles: Sequence[Cycle],
    seed: int,
    log_url: str,
    drain_s: float,
    told: Callable[[int, Cycle], None],
) -> Result:
    """Build the bench in ``folder``, run, and return the result."""
    books, logs = folder / "books", folder / "logs"
    for each in (books, logs):
        each.mkdir(parents=True, exist_ok=True)
    if any(books.iterdir()):
        raise FileExistsError(f"{books}: an earlier run's books are here; choose another folder")
    ports = _free_ports(5)
    gateway, console, worker, scheduler, platform = ports
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    async with AsyncExitStack() as stack:
        cable = Cable(platform)
        cut_port = await stack.enter_async_context(cable.laid())
        installation, api_key = _install(folder / "shop", cut_port, secret, log_url)
        stack.push_async_callback(installation.aclose)
        settings = installation.settings
        environment = {
            "REKINDLE_DATA": str(settings.data),
            "REKINDLE_LOG_URL": log_url,
            "REKINDLE_GATEWAY_PORT": str(gateway),
            "REKINDLE_CONSOLE_PORT": str(console),
            "REKINDLE_WORKER_PORT": str(worker),
            "REKINDLE_SCHEDULER_PORT": str(scheduler),
            "REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true",
        }
        serve = [sys.executable, "-m", "rekindle", "serve"]
        processes = {
            role: Process(role, [*serve, role, "-w", str(folder / "shop")], environment, logs / f"{role}.log")
            for role in _ROLES
        }
        receiver = [sys.executable, "-m", "rekindle.sandbox.torture.receiver", str(platform)]
        processes["platform"] = Process(
            "platform",
            [*receiver, str(books / "platform.jsonl")],
            {"TORTURE_WEBHOOK_SECRET": secret},
            logs / "platform.log",
        )
        bench = Bench(
            processes=processes,
            ready={
                "gateway": f"http://127.0.0.1:{gateway}/livez",
                "worker": f"http://127.0.0.1:{worker}/livez",
                "platform": f"http://127.0.0.1:{platform}/livez",
            },
            cable=cable,
            events_url=f"http://127.0.0.1:{gateway}/v1/events",
            api_key=api_key,
            books=books,
            log_file=settings.data / "log.db-wal",
            pending=lambda: _pending(installation),
            evidence=lambda: _evidence(installation),
        )
        return await torture(bench, cycles, seed, system_clock, drain_s=drain_s, told=told)


def _install(folder: Path, port: int, secret: str, log_url: str) -> tuple[_compose.Installation, str]:
    (folder / "destinations").mkdir(parents=True)
    (folder / "shop.toml").write_text(_SHOP, encoding="utf-8")
    (folder / "destinations" / f"{_PLATFORM}.toml").write_text(_DESTINATION.format(port=port), encoding="utf-8")
    settings = _compose.settings_for(folder, None, log_url=log_url or None)
    _compose.create(settings)
    installation = _compose.open_installation(folder, None, settings)
    installation.secrets.put("webhook", secret)
    installation.versions.apply(read_folder(folder), "torture", "rekindle torture")
    key = ApiKeys(installation.database, installation.clock).create(_NAME, "clients", {"events:write"}, "torture")
    return installation, key.text


async def _pending(installation: _compose.Installation) -> int:
    """Return how many records the views and the lane have not read, and how many events wait for another try."""
    lag = await installation.log.lag()
    followed = {"profiles", "audiences", "consents", consumer_name(_NAME, _PLATFORM)}
    unread = sum(each.records for each in lag if each.consumer in followed)
    missing = followed - {each.consumer for each in lag}
    return unread + len(missing) + sum(each.waiting for each in status(installation.database, _NAME))


async def _evidence(installation: _compose.Installation) -> Evidence:
    stored: Counter[str] = Counter()
    async for page in pages(installation.log):
        records = [decode(entry.value) for entry in page]
        stored.update(record.event_id for record in records if isinstance(record, Stored))
    outcomes = {event_id: outcome for event_id, outcome, _ in all_outcomes(installation.database, _NAME, _PLATFORM)}
    counted = sum(totals(installation.database, _NAME, 0).accepted.values())
    return Evidence(stored, outcomes, counted)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; they are given back at once, for processes that cannot choose for themselves."""
    found = [socket.socket() for _ in range(count)]
    try:
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]
    finally:
        for each in found:
            each.close()


_SHOP = f"""name = "{_NAME}"
title = "Torture"
origins = ["http://127.0.0.1:8000"]
country = "PL"
currency = "PLN"
"""
_DESTINATION = """kind = "webhook"

[consent]
consent_mode = ["ad_storage"]

[settings]
url = "http://127.0.0.1:{port}/hook"
batch = 25
secret = {{ secret = "webhook" }}
"""
