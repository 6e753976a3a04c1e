"""`rekindle users`."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from rekindle.cli._compose import one_workspace, open_installation
from rekindle.cli._options import installation_options
from rekindle.workspace.access import ROLES, NameTaken, Sessions, Users, WeakPassword


@click.group()
def command() -> None:
    """Add people who may log in to the console, and give them new passwords."""


@command.command("add")
@installation_options
@click.argument("name")
@click.option("--role", type=click.Choice(sorted(ROLES)), default="owner", show_default=True, help="What they may do.")
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
def add(folder: Path, data: Path | None, name: str, role: str, workspace: str | None) -> None:
    """Add NAME; the password is made and shown once."""
    installation = open_installation(folder, data)
    try:
        chosen = one_workspace(installation, workspace)
        password = secrets.token_urlsafe(15)
        installation.record(chosen, "cli", "user.add", f"{name} as {role}")
        Users(installation.database, installation.clock).create(name, password, {chosen: role})
    except (NameTaken, WeakPassword, ValueError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"{name} may log in to {chosen} as {role}; password (shown once): {password}")


@command.command("password")
@installation_options
@click.argument("name")
def password(folder: Path, data: Path | None, name: str) -> None:
    """Give NAME a new password, shown once, and end every session of theirs."""
    installation = open_installation(folder, data)
    try:
        users = Users(installation.database, installation.clock)
        user = users.find(name)
        if user is None:
            raise click.ClickException(f"there is no user {name!r}; `rekindle users add {name}` makes one")
        fresh = secrets.token_urlsafe(15)
        installation.record("", "cli", "user.password", name)
        users.set_password(user.id, fresh)
        Sessions(installation.database, installation.clock).revoke_all(user.id)
    finally:
        installation.close()
    click.echo(f"New password of {user.name} (shown once): {fresh}")
