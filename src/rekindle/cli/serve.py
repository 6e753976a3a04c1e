"""`rekindle serve`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from rekindle.cli import _compose
from rekindle.cli._options import installation_options
from rekindle.cli._ports import need_ports
from rekindle.ops import logs
from rekindle.ops.loop import stop_on_signals
from rekindle.ops.memory import few_arenas
from rekindle.ops.supervisor import supervise

ROLES = ("gateway", "worker", "scheduler", "console")


@click.command()
@click.argument("role", type=click.Choice(ROLES), required=False)
@installation_options
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--gateway-port", type=int, help="Port of the gateway [default: 8700].")
@click.option("--console-port", type=int, help="Port of the console [default: 8701].")
@click.option(
    "--drain", "drain_s", type=float, default=0.0, help="Seconds between 'not ready' and the end of a gateway."
)
def command(
    role: str | None,
    folder: Path,
    data: Path | None,
    host: str | None,
    gateway_port: int | None,
    console_port: int | None,
    drain_s: float,
) -> None:
    """Run everything in one process tree, or one ROLE alone: gateway, worker, scheduler, console.

    Ends on SIGTERM or Ctrl-C after finishing what is in progress.
    """
    few_arenas()
    settings = _compose.settings_for(folder, data, host=host, gateway_port=gateway_port, console_port=console_port)
    installation = _compose.open_installation(folder, data, settings)
    logs.configure(role or "supervisor", settings.log_level)
    if not installation.workspaces():
        installation.close()
        raise click.ClickException("nothing is live yet: run `rekindle apply` first")
    try:
        # A gateway started alone may share its port with others like it.
        need_ports(settings, ROLES if role is None else {role} - {"gateway"})
    except click.ClickException:
        installation.close()
        raise
    if role is None:
        installation.close()
        arguments = [sys.executable, "-m", "rekindle", "serve"]
        options = ["--workspace", str(folder), "--data", str(settings.data), "--host", settings.host]
        options += ["--gateway-port", str(settings.gateway_port), "--console-port", str(settings.console_port)]
        options += ["--drain", str(drain_s)]
        asyncio.run(_tree({name: [*arguments, name, *options] for name in ROLES}))
    else:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_one(installation, role, drain_s))


async def _tree(commands: dict[str, list[str]]) -> None:
    await supervise(commands, stop_on_signals())


async def _one(installation: _compose.Installation, role: str, drain_s: float) -> None:
    try:
        await _role(installation, role, drain_s)
    finally:
        await installation.aclose()


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def _role(installation: _compose.Installation, role: str, drain_s: float) -> Coroutine[Any, Any, None]:
    # Each role imports only its own rooms, so that a gateway does not carry the console.
    match role:
        case "gateway":
            from rekindle.cli._gateway import run as gateway

            return gateway(installation, drain_s)
        case "worker":
            from rekindle.cli._worker import run as worker

            return worker(installation)
        case "scheduler":
            from rekindle.cli._scheduler import run as scheduler

            return scheduler(installation)
        case _:
            from rekindle.cli._console import run as console

            return console(installation)
