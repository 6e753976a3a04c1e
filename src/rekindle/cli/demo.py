"""`rekindle demo`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
from rich.console import Console

from rekindle.ops import logs


@click.command()
@click.option(
    "--seconds", type=float, help="Let shoppers in for so long, then balance the sums and end [default: until Ctrl-C]."
)
@click.option(
    "--catalog",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Use your own export or feed instead of the demo shop's catalogue.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where the demo's workspace and data are kept.",
)
@click.option("--any-ports", is_flag=True, help="Let the system choose the ports, for several demos side by side.")
def command(seconds: float | None, catalog: Path | None, folder: Path, any_ports: bool) -> None:
    """Start a shop, shoppers, simulated platforms and all of Rekindle on this machine.

    With --seconds it ends by itself, with exit status 0 only if every event is accounted for.
    """
    from rekindle.cli._demo.run import run
    from rekindle.cli._demo.street import Options

    logs.configure("demo", "warning")
    balanced = asyncio.run(run(Options(folder, seconds, catalog, any_ports=any_ports), Console()))
    sys.exit(0 if balanced else 1)
