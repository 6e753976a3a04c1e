"""`rekindle policy`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import read_folder
from rekindle.cli._options import installation_options
from rekindle.privacy.policy_diff import PolicyDiff, compare
from rekindle.privacy.policy_tests import run
from rekindle.workspace import Workspace

_DAY_MS = 86_400_000


@click.group()
def command() -> None:
    """Test the policy, and see what a change would do before it is applied."""


@command.command()
@installation_options
def test(folder: Path, data: Path | None) -> None:
    """Run the tests in policy.toml. The exit status is 1 when one fails."""
    workspace = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        failed = run(workspace, installation.clock(), installation.vendors)
    finally:
        installation.close()
    for line in failed:
        click.echo(line)
    if failed:
        raise click.ClickException(f"{len(failed)} of {len(workspace.policy.test)} tests fail")
    click.echo(f"{len(workspace.policy.test)} tests pass.")


@command.command()
@installation_options
@click.option("--days", type=click.IntRange(1, 400), default=7, show_default=True, help="How far back to look.")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON document.")
def diff(folder: Path, data: Path | None, days: int, as_json: bool) -> None:
    """Ask the live policy and the files' about the events of the last days: what would change, in counts.

    Changes nothing and sends nothing. Events that the door refused are not in the log, so what a laxer store_with
    would let in is not counted.
    """
    workspace = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        live = installation.workspaces().get(workspace.name)
        if live is None:
            raise click.ClickException(f"{workspace.name}: nothing is live yet; there is nothing to compare with")
        found = asyncio.run(_compare(installation, live, workspace, installation.clock() - days * _DAY_MS))
    finally:
        installation.close()
    changed = found.changed()
    if as_json:
        click.echo(msgspec.json.encode({"events": found.events, "days": days, "changed": changed}).decode())
        return
    click.echo(f"{workspace.name}: {found.events} event(s) of the last {days} day(s).")
    for one in changed:
        share = one.count / found.asked(one.question)
        click.echo(f"  {one.question}: {one.before} → {one.after}: {one.count} ({share:.1%})")
    if not changed:
        click.echo("  The answers would be the same.")


async def _compare(installation: Installation, live: Workspace, files: Workspace, since_ms: int) -> PolicyDiff:
    try:
        return await compare(installation.log, PolicyDiff(live, files, installation.vendors), since_ms)
    finally:
        await installation.log.close()
