"""`rekindle rollback`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle.cli._compose import open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.model.clock import rfc3339
from rekindle.workspace import ApprovalRefused, VersionMissing


@click.command()
@installation_options
@click.option("--name", help="The workspace's name, where the installation has several.")
@click.option("--to", "version", type=int, help="The version to go back to [default: the one before the live one].")
@click.option("--list", "listing", is_flag=True, help="Show the versions and change nothing.")
@click.option("--author", "given_author", help="Who does this [default: the account's name].")
@click.option("--reason", default="", help="Why; kept in the ledger.")
def command(
    folder: Path,
    data: Path | None,
    name: str | None,
    version: int | None,
    listing: bool,
    given_author: str | None,
    reason: str,
) -> None:
    """Point a workspace back to an earlier version. The files in the folder are not touched."""
    installation = open_installation(folder, data)
    try:
        names = sorted(installation.workspaces())
        if name is None and len(names) != 1:
            raise click.ClickException(f"name the workspace with --name; there are: {', '.join(names) or 'none'}")
        chosen = name or names[0]
        if listing:
            for entry in installation.versions.history(chosen):
                mark = "live" if entry.live else "    "
                click.echo(f"{entry.version:>5} {mark} {rfc3339(entry.created_ms)} {entry.author}  {entry.reason}")
            return
        target = installation.versions.rollback(chosen, version, author(given_author), reason)
    except (ApprovalRefused, VersionMissing) as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"{chosen}: version {target.version} ({target.digest[:12]}) is live again.")
