"""`rekindle catalog sources add` for what is no account: a query, a file on an SFTP server, a file or an address."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click

from rekindle.catalog import Item, Report, open_catalog
from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.inputs import FTPS, SFTP, SQL, check, manifest_of
from rekindle.catalog.options import check_values, own
from rekindle.catalog.origin import is_address, options_of, place_of
from rekindle.catalog.reading import sources
from rekindle.catalog.report import Refused
from rekindle.cli._compose import Installation
from rekindle.cli._scheduler import fetcher, inputs
from rekindle.egress.connector import SettingsError
from rekindle.egress.reach import TransferFailed, TransferRefused
from rekindle.workspace import Source, Workspace

LOCATIONS: Mapping[str, str] = {
    "sql": "location (postgresql://user@host/database, mysql://…, mariadb://…, or the path of a SQLite file)",
    "sftp": "location (sftp://user@host/path/file, or sftp://user@host/folder/ for the newest file of a folder)",
    "ftps": "location (ftps://user@host/path/file, or ftps://user@host/folder/ for the newest file of a folder)",
    "file": "location (a file, relative to the workspace's folder, or an address)",
}


def manifest_for(kind: str) -> Manifest | None:
    """Return what is asked for a kind that is no account, None where there is no such kind.

    ``sftp`` and ``ftps`` are no kinds of a source but ways to a file of any kind; so is ``file``.
    """
    if kind == "sql":
        return SQL
    if kind in ("sftp", "ftps"):
        return SFTP if kind == "sftp" else FTPS
    if kind in ("file", "auto") or kind in sources():
        return Manifest(name=kind, settings=tuple(own(kind) or ()) if kind not in ("file", "auto") else ())
    return None


def asked(manifest: Manifest, setting: Setting) -> bool:
    """Return whether the dialogue asks for a setting: what is required, and what a folder is chosen by."""
    return setting.required or (manifest in (SFTP, FTPS) and setting.name == "pattern")


def way_of(kind: str) -> str:
    """Return which location is asked for."""
    return kind if kind in LOCATIONS else "file"


def checked(source: Source) -> None:
    """Check what the document will say. Raises `click.ClickException`."""
    try:
        check(source)
        check_values(source.kind, source.options)
    except SettingsError as error:
        raise click.ClickException(f"{error}; nothing was written") from None


def first_items(
    installation: Installation, workspace: Workspace, source: Source, folder: Path, count: int
) -> list[Item]:
    """Get the catalogue and return its first items.

    Raises `click.ClickException` when it cannot be got or read; nothing has been written then.
    """
    report = Report()
    try:
        path, ours = asyncio.run(_get(installation, source, folder))
        try:
            with (
                tempfile.TemporaryDirectory(prefix="rekindle-try-") as work,
                open_catalog(
                    path, source.kind, options_of(source, workspace), report, folder=Path(work), name=place_of(source)
                ) as opened,
            ):
                found = list(islice(opened.items(), count))
        finally:
            if ours:
                path.unlink(missing_ok=True)
    except (TransferRefused, TransferFailed) as error:
        raise click.ClickException(f"{error}; nothing was written") from None
    except Refused as error:
        raise click.ClickException(f"{place_of(source)}: {error}; nothing was written") from None
    for issue in report.issues:
        if issue.code in ("kind", "columns-guessed", "columns-missing", "sheet"):
            click.echo(f"{issue.code}: {issue.value} ({issue.remedy})")
    return found


async def _get(installation: Installation, source: Source, folder: Path) -> tuple[Path, bool]:
    """Return the catalogue's file, and whether it is ours to remove."""
    if manifest_of(source) is not None:
        fetched = await inputs(installation).get(source, folder, None)
    elif is_address(source.location):
        fetched = await fetcher(installation).get(source.location)
    else:
        return folder / source.location, False
    if fetched.path is None:
        raise TransferFailed(f"{place_of(source)}: nothing came")
    return fetched.path, True


def table_of(source: Source, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the document's table: what was said, and no more."""
    table: dict[str, Any] = {"name": source.name, "location": source.location}
    if source.kind != "auto":
        table["kind"] = source.kind
    table["every"] = source.every
    if source.options:
        table["options"] = source.options
    return table | ({"columns": dict(columns)} if columns else {})
