"""`rekindle vendors`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.cli._scheduler import fetcher
from rekindle.egress.fetch import FetchFailed, FetchRefused
from rekindle.model.clock import rfc3339
from rekindle.privacy.consent import VendorListError
from rekindle.privacy.consent.known_vendors import TABLE
from rekindle.privacy.vendor_lists import OLD_DAYS, parse

_LARGEST = 64 << 20


@click.group()
def command() -> None:
    """Keep the Global Vendor List, by which TC strings are read."""


@command.command("import")
@installation_options
@click.option("--author", "given_author", help="Who does this [default: the account's name].")
@click.argument("source")
def import_list(folder: Path, data: Path | None, given_author: str | None, source: str) -> None:
    """Import a vendor-list.json from SOURCE, a file or an https address. Earlier versions stay.

    A string is read by the version it names where that was imported, otherwise by the newest.
    """
    installation = open_installation(folder, data)
    try:
        content = _content(installation, source)
        found = parse(content)
        installation.record("", author(given_author), "vendors.import", f"version {found.version}")
        stored = installation.vendors.add(content)
    except (VendorListError, FetchRefused, FetchFailed, OSError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"Vendor list {stored.version} of {rfc3339(stored.published_ms)}: {stored.vendors} vendors.")


@command.command("status")
@installation_options
def status(folder: Path, data: Path | None) -> None:
    """Show which lists there are and how old the newest is. The exit status is 1 when it is too old."""
    installation = open_installation(folder, data)
    try:
        age, lists = installation.vendors.age(), installation.vendors.stored()
    finally:
        installation.close()
    for one in lists:
        click.echo(
            f"version {one.version}, published {rfc3339(one.published_ms)}, imported {rfc3339(one.imported_ms)}, "
            f"{one.vendors} vendors"
        )
    if age.shipped:
        click.echo(
            f"No list was imported: the excerpt of version {age.version} that comes along decides. It knows the "
            f"declarations of {len(TABLE)} vendors; of all others only consent to every purpose counts."
        )
    click.echo(f"The newest is {age.days} days old.")
    if age.old:
        raise click.ClickException(
            f"older than {OLD_DAYS} days; `rekindle vendors import https://vendor-list.consensu.org/v3/vendor-list.json`"
        )


def _content(installation: Installation, source: str) -> bytes:
    if "://" not in source:
        path = Path(source)
        if path.stat().st_size > _LARGEST:
            raise VendorListError(f"{source}: larger than {_LARGEST >> 20} MB; is it a vendor list?")
        return path.read_bytes()
    if not source.startswith("https://"):
        raise VendorListError(f"{source.partition('://')[0]}: only https is used for the vendor list")
    fetched = asyncio.run(fetcher(installation).get(source, max_bytes=_LARGEST))
    if fetched.path is None:
        raise FetchFailed("the vendor list was not sent")
    try:
        return fetched.path.read_bytes()
    finally:
        fetched.path.unlink(missing_ok=True)
