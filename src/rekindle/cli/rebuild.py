"""`rekindle rebuild`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from rekindle.audiences import AudienceView
from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._options import installation_options
from rekindle.cli.archive import archive_of
from rekindle.feeds import PublishedIds
from rekindle.ops.archive import ArchiveDamaged, HistoryLog
from rekindle.profiles import ProfileView

_WAIT_MS = 3_000
"""A cluster hands partitions over some time after it was asked; only then is nothing the end."""


@click.command()
@installation_options
@click.argument("view", type=click.Choice(["profiles", "audiences"]))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(folder: Path, data: Path | None, view: str, yes: bool) -> None:
    """Empty VIEW and make it again from archive and log. Stop the worker first; start it again afterwards.

    Nothing is sent while this runs. A rebuild that was interrupted is started again from the beginning.
    """
    if not yes:
        click.confirm(f"Is the worker stopped, and shall {view} be made again?", abort=True)
    installation = open_installation(folder, data)
    try:
        count = asyncio.run(_rebuild(installation, view))
    except ArchiveDamaged as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"{view}: made again from {count} record(s) and timers.")


async def _rebuild(installation: Installation, name: str) -> int:
    history = HistoryLog(installation.log, archive_of(installation))
    database, clock = installation.database, installation.clock
    view: ProfileView | AudienceView
    if name == "profiles":
        feed_ids = PublishedIds(database, installation.blobs, clock)
        view = ProfileView(history, database, clock, feed_ids, names=installation.pseudonymiser)
    else:
        view = AudienceView(
            history,
            database,
            clock,
            installation.workspaces,
            suppressed=installation.consents.suppressed_among,
            names=installation.pseudonymiser,
            vendors=installation.vendors,
        )
    count = 0
    try:
        await view.rebuild()
        while done := await view.step(1000, _WAIT_MS):
            count += done
    finally:
        await view.close()
        await installation.log.close()
    return count
