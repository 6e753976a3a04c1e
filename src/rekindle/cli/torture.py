"""`rekindle torture`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from rekindle.cli import _torture
from rekindle.sandbox.torture import plan


@click.command()
@click.option("--cycles", type=click.IntRange(min=1), default=5, show_default=True, help="How many kill cycles.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same faults.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to work [default: a new one].")
@click.option("--log-url", default="", help="The log engine to torture [default: SQLite below the folder].")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for report.html and .json.")
@click.option(
    "--drain", "drain_s", type=float, default=300.0, show_default=True, help="Most seconds to drain at the end."
)
def command(cycles: int, seed: int, folder: Path | None, log_url: str, report: Path | None, drain_s: float) -> None:
    """Kill, stop, cut off and fill up a running installation while clients write, and compare all books at the end.

    Starts its own installation and simulated platform on free ports. Exits 1 when an acknowledged event was lost, one
    was delivered without consent, or any other promise was broken.
    """
    chosen = folder or Path(tempfile.mkdtemp(prefix="rekindle-torture-"))
    ground = _torture.Ground(log_url=log_url)
    if not _torture.execute(chosen, plan(seed, cycles), seed, ground, drain_s, report or chosen / "report"):
        raise SystemExit(1)
