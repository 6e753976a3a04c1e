"""`rekindle keys`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle.cli._compose import one_workspace, open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.model.clock import rfc3339
from rekindle.workspace.access import SCOPES, ApiKeys

_workspace_option = click.option("--for", "workspace", help="The workspace's name [default: the only one].")


@click.group()
def command() -> None:
    """Make, list and revoke API keys for servers."""


@command.command("create")
@installation_options
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice(sorted(SCOPES)), multiple=True, default=("events:write",), show_default=True
)
@_workspace_option
def create(folder: Path, data: Path | None, name: str, scopes: tuple[str, ...], workspace: str | None) -> None:
    """Make a key called NAME; it is shown once and stored hashed."""
    installation = open_installation(folder, data)
    try:
        chosen = one_workspace(installation, workspace)
        installation.record(chosen, author(None), "key.create", f"{name} {' '.join(sorted(scopes))}")
        made = ApiKeys(installation.database, installation.clock).create(chosen, name, scopes, author(None))
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(made.text)


@command.command("list")
@installation_options
@_workspace_option
def listing(folder: Path, data: Path | None, workspace: str | None) -> None:
    """List keys by id, without their secrets."""
    installation = open_installation(folder, data)
    try:
        keys = ApiKeys(installation.database, installation.clock).of(one_workspace(installation, workspace))
    finally:
        installation.close()
    for key in keys:
        state = "revoked" if key.revoked_ms is not None else "live"
        click.echo(f"{key.id}  {state:7}  {rfc3339(key.created_ms)}  {' '.join(sorted(key.scopes))}  {key.name}")


@command.command("revoke")
@installation_options
@click.argument("key_id")
@_workspace_option
def revoke(folder: Path, data: Path | None, key_id: str, workspace: str | None) -> None:
    """End the key KEY_ID; running gateways notice within seconds."""
    installation = open_installation(folder, data)
    try:
        chosen = one_workspace(installation, workspace)
        installation.record(chosen, author(None), "key.revoke", key_id)
        done = ApiKeys(installation.database, installation.clock).revoke(chosen, key_id)
    finally:
        installation.close()
    if not done:
        raise click.ClickException(f"{chosen} has no live key {key_id!r}; see `rekindle keys list`")
    click.echo(f"{key_id} is revoked.")
