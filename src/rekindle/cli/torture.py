"""`rekindle torture`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click

from rekindle.cli import _torture
from rekindle.sandbox.torture import Cycle, as_html, as_json, plan
from rekindle.sandbox.torture.report import figures


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
    wanted = plan(seed, cycles)

    def told(number: int, cycle: Cycle) -> None:
        extra = "" if cycle.trouble == "none" else f", {cycle.trouble} ({cycle.victim})"
        click.echo(f"cycle {number + 1}/{cycles}: kill {' and '.join(cycle.kill)}{extra}", err=True)

    result = asyncio.run(_torture.run(chosen, wanted, seed, log_url, drain_s, told))
    out = report or chosen / "report"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_bytes(as_json(result))
    (out / "report.html").write_text(as_html(result), encoding="utf-8")
    for name, number in figures(result.verdict):
        click.echo(f"{number:>9}  {name}")
    for line in [*result.verdict.lost, *result.verdict.without_consent, *result.verdict.unsettled]:
        click.echo(f"  {line}")
    for line in [*result.verdict.alien_duplicates, *result.verdict.remarks]:
        click.echo(f"  {line}")
    click.echo(f"{'passed' if result.verdict.passed else 'FAILED'}; report in {out}")
    if not result.verdict.passed:
        raise SystemExit(1)
