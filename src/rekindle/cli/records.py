"""`rekindle records`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import one_workspace, open_installation
from rekindle.cli._options import installation_options
from rekindle.cli._recipients import recipients
from rekindle.privacy.records import build, markdown


@click.command()
@installation_options
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON document.")
def command(folder: Path, data: Path | None, workspace: str | None, as_json: bool) -> None:
    """Write the records of processing activities (GDPR Art. 30) from what is live."""
    installation = open_installation(folder, data)
    try:
        shop = installation.workspaces()[one_workspace(installation, workspace)]
        records = build(shop, recipients(shop), installation.clock())
    finally:
        installation.close()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(records)).decode())
    else:
        click.echo(markdown(records), nl=False)
