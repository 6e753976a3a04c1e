"""`rekindle apply`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle.cli._compose import open_installation
from rekindle.cli._documents import author, lost_changes, missing_secrets, read_folder, show_changes
from rekindle.cli._options import installation_options
from rekindle.cli._person import person, person_options
from rekindle.cli.plan import feed_faults
from rekindle.privacy.policy_tests import run
from rekindle.workspace import changes


@click.command()
@installation_options
@person_options
@click.option("--author", "given_author", help="Who applies this [default: the account's name].")
@click.option("--reason", default="", help="Why; kept in the version and in the ledger.")
@click.option("--undo-console", is_flag=True, help="Undo what was changed in the console and is not in the files.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(
    folder: Path,
    data: Path | None,
    user: str | None,
    password_file: Path | None,
    given_author: str | None,
    reason: str,
    undo_console: bool,
    yes: bool,
) -> None:
    """Make the workspace's files live as a new immutable version; running processes pick it up.

    A change of the policy is only proposed where it takes two people (docs/consent.md): another console user makes it
    live with `rekindle approve`.
    """
    workspace = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        for line in missing_secrets(workspace, installation.secrets):
            click.echo(line)
        difference = changes(installation.workspaces().get(workspace.name), workspace)
        if not difference:
            click.echo(f"{workspace.name}: nothing to do, what is live is what the files say.")
            return
        show_changes(difference)
        if broken := feed_faults(workspace):
            raise click.ClickException("feeds cannot be built:\n  " + "\n  ".join(broken))
        lost = lost_changes(installation.versions, installation.workspaces().get(workspace.name), workspace)
        if lost and not undo_console:
            raise click.ClickException(
                "this would undo what was changed in the console:\n  "
                + "\n  ".join(lost)
                + "\n`rekindle pull` writes it into the files; --undo-console makes live what they say now"
            )
        if failed := run(workspace, installation.clock(), installation.vendors):
            raise click.ClickException("tests of the policy fail:\n  " + "\n  ".join(failed))
        if not yes:
            click.confirm(f"Apply {len(difference)} change(s) to {workspace.name}?", abort=True)
        by = author(given_author)
        if installation.versions.takes_two(workspace):
            click.echo("This changes the policy, which takes two people: you propose it, somebody else approves it.")
            by = person(installation, workspace.name, user, password_file)
        version = installation.versions.apply(workspace, by, reason)
    finally:
        installation.close()
    if not version.live:
        click.echo(f"{workspace.name}: version {version.version} is proposed; `rekindle approve {version.version}`.")
        return
    click.echo(f"{workspace.name}: version {version.version} ({version.digest[:12]}) is live.")
