"""Set up an installation to be tortured, and read its books afterwards."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import click
import msgspec

from rekindle.cli import _compose
from rekindle.cli._demo.ports import free as free_ports
from rekindle.cli._documents import read_folder
from rekindle.egress.lane import consumer_name
from rekindle.egress.status import all_outcomes, status
from rekindle.model.clock import system_clock
from rekindle.model.record import Stored, decode
from rekindle.ops.archive import pages
from rekindle.profiles import totals
from rekindle.sandbox.torture import Bench, Cycle, Evidence, Result, as_html, as_json, torture
from rekindle.sandbox.torture.cable import Cable
from rekindle.sandbox.torture.faults import Role
from rekindle.sandbox.torture.processes import Process
from rekindle.sandbox.torture.report import figures
from rekindle.workspace.access import ApiKeys

_NAME = "torture"
_PLATFORM = "platform"
_ANSWER = aiohttp.ClientTimeout(total=2)
Ready = Callable[[], Awaitable[bool]]


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What the installation stands on, and how many of a role there are. Stores are broken too, and ended by their maker.

    ``ready`` tells of each store whether it answers.
    """

    log_url: str = ""
    database_url: str = ""
    stores: Mapping[Role, Process] = {}
    ready: Mapping[Role, Ready] = {}
    roles: Sequence[Role] = ("gateway", "worker", "scheduler")


@asynccontextmanager
async def bench(folder: Path, ground: Ground) -> AsyncIterator[Bench]:
    """Make an installation, a simulated platform and their processes in ``folder``; none of them is started.

    Raises `FileExistsError` where an earlier run's books are.
    """
    books, logs = folder / "books", folder / "logs"
    for each in (books, logs):
        each.mkdir(parents=True, exist_ok=True)
    if any(books.iterdir()):
        raise FileExistsError(f"{books}: an earlier run's books are here; choose another folder")
    platform, *free = free_ports(1 + len(ground.roles))
    ports = dict(zip(ground.roles, free, strict=True))
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    async with AsyncExitStack() as stack:
        cable = Cable(platform)
        cut_port = await stack.enter_async_context(cable.laid())
        installation, api_key = _install(folder / "shop", cut_port, secret, ground)
        stack.push_async_callback(installation.aclose)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=_ANSWER))
        data = installation.settings.data
        log = data / "log.db-wal"
        processes = {role: _process(role, port, folder, data, ground) for role, port in ports.items()}
        receiver = [sys.executable, "-m", "rekindle.sandbox.torture.receiver", str(platform)]
        processes["platform"] = Process(
            "platform",
            [*receiver, str(books / "platform.jsonl")],
            {"TORTURE_WEBHOOK_SECRET": secret},
            logs / "platform.log",
        )
        answering = ports | {"platform": platform}
        yield Bench(
            processes=processes,
            stores=ground.stores,
            ready={
                **ground.ready,
                **{role: partial(_answers, session, f"http://127.0.0.1:{at}/livez") for role, at in answering.items()},
            },
            cable=cable,
            events_urls=[f"http://127.0.0.1:{at}/v1/events" for role, at in ports.items() if _kind(role) == "gateway"],
            api_key=api_key,
            books=books,
            room=lambda: 0 if ground.stores or not log.exists() else log.stat().st_size,
            pending=lambda: _pending(installation),
            evidence=lambda: _evidence(installation),
        )


async def _run(
    folder: Path,
    cycles: Sequence[Cycle],
    seed: int,
    ground: Ground,
    drain_s: float,
    told: Callable[[int, Cycle], None],
) -> Result:
    async with bench(folder, ground) as made:
        return await torture(made, cycles, seed, system_clock, drain_s=drain_s, told=told)


def execute(folder: Path, cycles: Sequence[Cycle], seed: int, ground: Ground, drain_s: float, report: Path) -> bool:
    """Run with a line for each cycle, write ``report.html`` and ``.json``, print the verdict; return whether it passed."""

    def told(number: int, cycle: Cycle) -> None:
        extra = "" if cycle.trouble == "none" else f", {cycle.trouble} ({cycle.victim})"
        click.echo(f"cycle {number + 1}/{len(cycles)}: kill {' and '.join(cycle.kill)}{extra}", err=True)

    result = asyncio.run(_run(folder, cycles, seed, ground, drain_s, told))
    report.mkdir(parents=True, exist_ok=True)
    (report / "report.json").write_bytes(as_json(result))
    (report / "report.html").write_text(as_html(result), encoding="utf-8")
    verdict = result.verdict
    for name, number in figures(verdict):
        click.echo(f"{number:>9}  {name}")
    for line in [*verdict.lost, *verdict.without_consent, *verdict.unsettled, *verdict.alien_duplicates]:
        click.echo(f"  {line}")
    for line in verdict.remarks:
        click.echo(f"  {line}")
    click.echo(f"{'passed' if verdict.passed else 'FAILED'}; report in {report}")
    return verdict.passed


def _kind(role: Role) -> str:
    return role.partition("-")[0]


def _process(role: Role, port: int, folder: Path, data: Path, ground: Ground) -> Process:
    environment = {
        "REKINDLE_DATA": str(data),
        "REKINDLE_LOG_URL": ground.log_url,
        "REKINDLE_DATABASE_URL": ground.database_url,
        f"REKINDLE_{_kind(role).upper()}_PORT": str(port),
        "REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true",
        "PYTHONFAULTHANDLER": "1",
    }
    serve = [sys.executable, "-m", "rekindle", "serve", _kind(role), "-w", str(folder / "shop")]
    return Process(role, serve, environment, folder / "logs" / f"{role}.log")


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _install(folder: Path, port: int, secret: str, ground: Ground) -> tuple[_compose.Installation, str]:
    (folder / "destinations").mkdir(parents=True)
    (folder / "shop.toml").write_text(_SHOP, encoding="utf-8")
    (folder / "destinations" / f"{_PLATFORM}.toml").write_text(_DESTINATION.format(port=port), encoding="utf-8")
    settings = _compose.settings_for(
        folder, None, log_url=ground.log_url or None, database_url=ground.database_url or None
    )
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
