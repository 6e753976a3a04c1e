"""`rekindle backup`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import Progress, TaskID

import rekindle
from rekindle.cli._compose import open_installation, settings_for
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.model.clock import rfc3339
from rekindle.ops import backup
from rekindle.settings import SettingError, Settings


@click.group()
def command() -> None:
    """Copy an installation while it runs, check a copy, put one back.

    A backup holds the log, the state, blobs and the sealed secrets. The master key is not in it: keep that in another
    place, for whoever has both can read what is sealed.
    """


@command.command()
@installation_options
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--author", "given_author", help="Who does this [default: the account's name].")
def make(folder: Path, data: Path | None, target: Path, given_author: str | None) -> None:
    """Make a backup in a new folder below TARGET. The line of it in the ledger is in the backup, too.

    Nothing needs to be stopped: log and state are copied as they are at one moment.
    """
    installation = open_installation(folder, data)
    settings, clock = installation.settings, installation.clock
    place = target / backup.folder_name(clock())
    try:
        installation.record("", author(given_author), "backup.make", place.name)
    finally:
        installation.close()
    with _told() as progress:
        manifest = backup.make(
            settings.data,
            place,
            clock,
            rekindle.__version__,
            elsewhere=_elsewhere(settings),
            blobs=not settings.blobs_url,
            progress=progress,
        )
    click.echo(f"{place}: {_sizes(manifest)}, as it was at {rfc3339(manifest.made_ms)}.")
    for engine in manifest.elsewhere:
        click.echo(f"Not in it: {engine}. Back that up by its own means, of one moment with this (docs/operations.md).")


@command.command()
@click.argument("backup_", metavar="BACKUP", type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(backup_: Path) -> None:
    """Read everything that BACKUP holds and compare it with its manifest. Exits 1 when something is missing or damaged."""
    with _told() as progress:
        manifest = backup.verify(backup_, progress)
    click.echo(f"{backup_} is what was written at {rfc3339(manifest.made_ms)}: {_sizes(manifest)}.")


@command.command()
@installation_options
@click.argument("backup_", metavar="BACKUP", type=click.Path(exists=True, file_okay=False, path_type=Path))
def restore(folder: Path, data: Path | None, backup_: Path) -> None:
    """Put BACKUP into a data folder that is not there yet, or that holds the master key alone.

    The backup is verified first, and nothing is written over.
    """
    try:
        target = settings_for(folder, data).data
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    with _told() as progress:
        manifest = backup.restore(backup_, target, progress)
    click.echo(f"{target} is as it was at {rfc3339(manifest.made_ms)}: {_sizes(manifest)}.")
    click.echo("Before anything is started:")
    if not (target / "keys" / "master.key").is_file():
        click.echo(f"  put the master key back as {target / 'keys' / 'master.key'} (or set REKINDLE_MASTER_KEY);")
    for engine in manifest.elsewhere:
        click.echo(f"  restore {engine} to the same moment;")
    click.echo("  rekindle subject reapply LIST   erases again who was erased since (docs/operations.md).")


@contextmanager
def _told() -> Iterator[backup.Progress]:
    """Show how far it is, on a terminal; tell faults in words."""
    try:
        with Progress(transient=True) as bars:
            tasks: dict[str, TaskID] = {}

            def progress(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what)
                bars.update(tasks[what], completed=done, total=total)

            yield progress
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    except sqlite3.Error as error:
        raise click.ClickException(f"the database cannot be copied ({error}); nothing was changed in it") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}; what was begun can be removed") from None


def _elsewhere(settings: Settings) -> list[str]:
    named = {
        "the log (log_url)": settings.log_url,
        "the state (database_url)": settings.database_url,
        "the blobs (blobs_url)": settings.blobs_url,
    }
    return [engine for engine, url in named.items() if url]


def _sizes(manifest: backup.Manifest) -> str:
    return f"{len(manifest.files)} files, {sum(file.bytes for file in manifest.files) / 1_000_000:,.1f} MB"
