"""`rekindle archive`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.cli._times import moment
from rekindle.ops.archive import Archive, ArchiveDamaged
from rekindle.ops.archive.reading import hour_name


def archive_of(installation: Installation) -> Archive:
    """Return the installation's archive."""
    return Archive(installation.database, installation.blobs, installation.settings.data / "work")


@click.group()
def command() -> None:
    """Look at the archive: hourly Parquet files of everything the log held, written by the scheduler."""


@command.command("list")
@installation_options
@click.option("--for", "workspace", help="Only this workspace.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON, one file a line.")
def listing(folder: Path, data: Path | None, workspace: str | None, as_json: bool) -> None:
    """Print the manifest: every file with its hour (UTC), rows, bytes and SHA-256."""
    installation = open_installation(folder, data)
    try:
        for file in archive_of(installation).files(workspace):
            if as_json:
                click.echo(msgspec.json.encode(file))
            else:
                name = f"{file.workspace} {hour_name(file.hour_ms)} part {file.part}"
                click.echo(f"{name:<40} {file.rows:>9} rows {file.bytes:>11} bytes  {file.digest}")
    finally:
        installation.close()


@command.command()
@installation_options
def verify(folder: Path, data: Path | None) -> None:
    """Read every file and compare its hash with the manifest. Exits 1 when one is missing or damaged."""
    installation = open_installation(folder, data)
    wrong = 0
    try:
        archive = archive_of(installation)
        found = archive.files()
        for file in found:
            try:
                archive.verified(file)
            except ArchiveDamaged as error:
                wrong += 1
                click.echo(str(error), err=True)
    finally:
        installation.close()
    click.echo(f"{len(found) - wrong} of {len(found)} file(s) are what was written.")
    if wrong:
        raise SystemExit(1)


@command.command()
@installation_options
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--for", "workspace", help="Only this workspace.")
@click.option("--from", "since", callback=moment, help="Only hours from this time on, such as 2026-08-01T00:00:00Z.")
@click.option("--to", "until", callback=moment, help="Only hours before this time.")
def export(
    folder: Path, data: Path | None, target: Path, workspace: str | None, since: int | None, until: int | None
) -> None:
    """Lay the files out below TARGET as WORKSPACE/DAY/HOUR-PART.parquet, with a manifest.json of their hashes.

    Files are linked where TARGET is on the same file system: read them, do not change them.
    """
    installation = open_installation(folder, data)
    try:
        archive = archive_of(installation)
        manifest = archive.export(target, archive.files(workspace, since, until))
    except ArchiveDamaged as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"Wrote {manifest}.")


@command.command()
@installation_options
@click.option("--before", required=True, callback=moment, help="Hours that ended by this time go.")
@click.option("--for", "workspace", help="Only this workspace.")
@click.option("--author", "given_author", help="Who does this [default: the account's name].")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def drop(
    folder: Path, data: Path | None, before: int, workspace: str | None, given_author: str | None, yes: bool
) -> None:
    """Remove old files for good. Events in them can no longer be replayed, nor views rebuilt from them."""
    if not yes:
        click.confirm("Remove the archived hours for good?", abort=True)
    installation = open_installation(folder, data)
    try:
        installation.record(workspace or "", author(given_author), "archive.drop", f"before {hour_name(before)}")
        gone = archive_of(installation).drop(before, workspace)
    finally:
        installation.close()
    click.echo(f"Removed {len(gone)} file(s) with {sum(file.rows for file in gone)} record(s).")
