"""`rekindle approve`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle.cli._compose import one_workspace, open_installation
from rekindle.cli._documents import show_changes
from rekindle.cli._options import installation_options
from rekindle.cli._person import person, person_options
from rekindle.workspace import ApprovalRefused, VersionMissing, changes


@click.command()
@installation_options
@person_options
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
@click.option("--reason", default="", help="Why; kept in the ledger.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.argument("version", type=int)
def command(
    folder: Path,
    data: Path | None,
    user: str | None,
    password_file: Path | None,
    workspace: str | None,
    reason: str,
    yes: bool,
    version: int,
) -> None:
    """Make VERSION live, a change of the policy that somebody else proposed with `rekindle apply`."""
    installation = open_installation(folder, data)
    try:
        chosen = one_workspace(installation, workspace)
        proposed = installation.versions.read(chosen, version)
        show_changes(changes(installation.workspaces().get(chosen), proposed))
        approver = person(installation, chosen, user, password_file)
        if not yes:
            click.confirm(f"Make version {version} of {chosen} live?", abort=True)
        made = installation.versions.approve(chosen, version, approver, reason)
    except (ApprovalRefused, VersionMissing) as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"{chosen}: version {made.version} ({made.digest[:12]}), proposed by {made.author}, is live.")
