"""`rekindle replay`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from rekindle.cli._compose import Installation, one_workspace, open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.cli._times import moment
from rekindle.cli.archive import archive_of
from rekindle.egress.replay import Replay
from rekindle.model.outcome import FINAL, Outcome
from rekindle.ops.archive import ArchiveDamaged, pages


@click.command()
@installation_options
@click.option("--for", "workspace", help="The workspace, where the installation has several.")
@click.option("--destination", required=True, help="The destination to send to again.")
@click.option("--from", "since", required=True, callback=moment, help="Events that happened from this time on.")
@click.option("--to", "until", required=True, callback=moment, help="Events that happened before this time.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(sorted(str(one) for one in FINAL)),
    help="Only events that came to this; may be repeated [default: whatever they came to].",
)
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@click.option("--author", "given_author", help="Who does this [default: the account's name].")
def command(
    folder: Path,
    data: Path | None,
    workspace: str | None,
    destination: str,
    since: int,
    until: int,
    outcomes: tuple[str, ...],
    dry_run: bool,
    given_author: str | None,
) -> None:
    """Send events again, from archive and log. Times are such as 2026-08-01T00:00:00Z.

    Each event is decided anew: consent as it is now, erasures, the platform's time window. It carries the same
    event_id as before, so that the platform can tell that it knows it. The running worker does the sending; what each
    event had come to before is in the ledger.
    """
    installation = open_installation(folder, data)
    try:
        chosen = one_workspace(installation, workspace)
        if destination not in installation.workspaces()[chosen].destinations:
            known = ", ".join(sorted(installation.workspaces()[chosen].destinations)) or "none"
            raise click.ClickException(f"{chosen} has no destination {destination!r}; there are: {known}")
        if since >= until:
            raise click.ClickException("--from is not before --to")
        replay = Replay(
            installation.database,
            installation.ledger,
            installation.clock,
            chosen,
            destination,
            author(given_author),
            [Outcome(one) for one in outcomes],
        )
        count = asyncio.run(_replay(installation, replay, chosen, since, until, dry_run))
    except ArchiveDamaged as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"{count} event(s) {'would wait' if dry_run else 'wait'} to be sent to {destination} again.")


async def _replay(installation: Installation, replay: Replay, workspace: str, since: int, until: int, dry: bool) -> int:
    archive, count = archive_of(installation), 0
    archived = archive.entries(archive.files(workspace, since, until))
    try:
        async for page in pages(installation.log, archived):
            count += await asyncio.to_thread(replay.open, page, since, until, dry=dry)
    finally:
        await installation.log.close()
    return count
