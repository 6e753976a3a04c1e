"""`rekindle pull`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rekindle.cli._compose import open_installation
from rekindle.cli._documents import read_folder
from rekindle.cli._options import installation_options
from rekindle.workspace.elsewhere import pull


@click.command()
@installation_options
@click.option("--overwrite", is_flag=True, help="Write what is live over files that were changed here, too.")
def command(folder: Path, data: Path | None, overwrite: bool) -> None:
    """Write what was changed in the console into the workspace's files.

    Comments stay. A file that was changed here as well is left as it is and named; the exit status is then 1.
    """
    here = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        live = installation.workspaces().get(here.name)
        if live is None:
            raise click.ClickException(f"{here.name}: nothing is live yet; run `rekindle apply`")
        done = pull(folder, installation.versions.from_folder(here.name), live, here, overwrite)
    finally:
        installation.close()
    for place in done.written:
        click.echo(f"wrote {folder / place}")
    for place in done.left:
        click.echo(
            f"left {folder / place}: it was changed here and in the console; `rekindle plan` shows how they differ, "
            "--overwrite takes what is live"
        )
    if not done.written and not done.left:
        click.echo(f"{here.name}: nothing was changed in the console that the files do not have.")
    sys.exit(1 if done.left else 0)
