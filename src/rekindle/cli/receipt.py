"""`rekindle receipt`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import Installation, one_workspace, open_installation
from rekindle.cli._options import installation_options
from rekindle.cli._recipients import recipients
from rekindle.egress.trace import Trace, trace
from rekindle.privacy.receipt import receipt


@click.command()
@click.argument("event_id")
@installation_options
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
def command(event_id: str, folder: Path, data: Path | None, workspace: str | None) -> None:
    """Print the receipt for the consent that came with EVENT_ID (ISO/IEC TS 27560 structure, JSON).

    It names the person by pseudonym and the consent strings by their hash.
    """
    installation = open_installation(folder, data)
    try:
        name = one_workspace(installation, workspace)
        shop = installation.workspaces()[name]
        found = asyncio.run(_trace(installation, name, event_id))
        if found.consent is None or found.subject is None or found.received_ms is None:
            raise click.ClickException(
                f"{name}: the event {event_id!r} is not in the log, so its consent is not either"
            )
        made = receipt(
            shop, recipients(shop), event_id, found.subject, found.consent, found.received_ms, installation.vendors
        )
    finally:
        installation.close()
    click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())


async def _trace(installation: Installation, workspace: str, event_id: str) -> Trace:
    try:
        return await trace(installation.database, installation.log, workspace, event_id)
    finally:
        await installation.log.close()
