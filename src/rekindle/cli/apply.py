"""`rekindle apply`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle.cli._compose import open_installation
from rekindle.cli._documents import author, read_folder, show_changes
from rekindle.cli._options import installation_options
from rekindle.workspace import changes


@click.command()
@installation_options
@click.option("--author", "given_author", help="Who applies this [default: the account's name].")
@click.option("--reason", default="", help="Why; kept in the version and in the ledger.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(folder: Path, data: Path | None, given_author: str | None, reason: str, yes: bool) -> None:
    """Make the workspace's files live as a new immutable version; running processes pick it up."""
    workspace = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        difference = changes(installation.workspaces().get(workspace.name), workspace)
        if not difference:
            click.echo(f"{workspace.name}: nothing to do, what is live is what the files say.")
            return
        show_changes(difference)
        if not yes:
            click.confirm(f"Apply {len(difference)} change(s) to {workspace.name}?", abort=True)
        version = installation.versions.apply(workspace, author(given_author), reason)
    finally:
        installation.close()
    click.echo(f"{workspace.name}: version {version.version} ({version.digest[:12]}) is live.")
