"""`rekindle audiences`: lists at platforms."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from rekindle.cli._compose import one_workspace, open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.egress.lists import lists, resync
from rekindle.model.clock import rfc3339
from rekindle.model.discover import discover
from rekindle.privacy.ledger import LedgerLine


@click.group("audiences")
def command() -> None:
    """Audiences at the platforms: how each list stands, and telling one anew."""


@command.command("lists")
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
@installation_options
def lists_(workspace: str | None, folder: Path, data: Path | None) -> None:
    """Show each list: who is there as far as is known, and whether it is being replaced."""
    installation = open_installation(folder, data)
    try:
        name = one_workspace(installation, workspace)
        found = asyncio.run(lists(installation.database, name))
    finally:
        installation.close()
    if not found:
        click.echo("no list was told anything yet")
    for each in found:
        click.echo(f"{each.destination}: {each.there} there of {each.wanted} in the audience")
        for what, count in sorted(each.outcomes.items()):
            click.echo(f"  {count} {what}")
        if each.replacement is not None:
            replacement = each.replacement
            words = f" ({replacement.words})" if replacement.words else ""
            click.echo(f"  replacement: {replacement.state}{words}, {rfc3339(replacement.updated_ms)}")


@command.command("resync")
@click.argument("destination")
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
@installation_options
def resync_(destination: str, workspace: str | None, folder: Path, data: Path | None) -> None:
    """Tell DESTINATION its whole audience anew, decided again person by person.

    A platform that can replaces the list as a whole (Meta); at the others everybody is added and removed again. Whoever
    was put on the list by other means is gone after a replacement. A worker does it; `rekindle audiences lists` shows
    how far it has come.
    """
    installation = open_installation(folder, data)
    try:
        name = one_workspace(installation, workspace)
        document = installation.workspaces()[name].destinations.get(destination)
        modules = discover("rekindle.destinations")
        module = modules.get(document.kind) if document is not None else None
        if module is None or module.manifest.kind != "audience":
            raise click.ClickException(f"{name} has no audience destination {destination!r}")
        line = LedgerLine(
            "change", name, installation.clock(), actor=author(None), action="audience.resync", destination=destination
        )
        installation.ledger.append([line])
        resync(installation.database, name, destination, installation.clock())
    finally:
        installation.close()
    click.echo(f"{destination} is told its whole audience anew, as soon as a worker runs")
