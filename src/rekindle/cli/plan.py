"""`rekindle plan`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle import feeds
from rekindle.cli._compose import open_installation
from rekindle.cli._documents import lost_changes, missing_secrets, read_folder, show_changes
from rekindle.cli._options import installation_options
from rekindle.privacy.policy_tests import run
from rekindle.workspace import Workspace, changes


@click.command()
@installation_options
def command(folder: Path, data: Path | None) -> None:
    """Check the workspace's files and show how they differ from what is live. Changes nothing."""
    workspace = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        live = installation.workspaces().get(workspace.name)
        difference = changes(live, workspace)
        lost = lost_changes(installation.versions, live, workspace)
        failed = run(workspace, installation.clock(), installation.vendors)
        two = installation.versions.takes_two(workspace)
        missing = missing_secrets(workspace, installation.secrets)
    finally:
        installation.close()
    broken = feed_faults(workspace)
    if broken:
        raise click.ClickException("feeds cannot be built:\n  " + "\n  ".join(broken))
    if failed:
        raise click.ClickException("tests of the policy fail:\n  " + "\n  ".join(failed))
    for line in missing:
        click.echo(line)
    if not difference:
        click.echo(f"{workspace.name}: what is live is what the files say.")
        return
    click.echo(f"{workspace.name}: {len(difference)} change(s) against what is live:")
    show_changes(difference)
    if two:
        click.echo("The policy changes, which takes two people; `rekindle policy diff` shows what it would do.")
    if lost:
        click.echo("These would undo what was changed in the console; `rekindle pull` writes that into the files:")
        for line in lost:
            click.echo("  " + line)
        return
    click.echo("Run `rekindle apply` to make them live.")


def feed_faults(workspace: Workspace) -> list[str]:
    """Return what is wrong with the feeds' channels and rules, and which examples of rules fail."""
    found: list[str] = []
    for name, feed in workspace.feeds.items():
        try:
            feeds.compile_feed(feed)
            found += [f"{name}: {fault}" for fault in feeds.failed_examples(feed)]
        except (feeds.RuleError, feeds.UnknownChannel) as error:
            found.append(f"{name}: {error.args[0]}")
    return found
