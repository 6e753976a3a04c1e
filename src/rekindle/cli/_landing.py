"""`rekindle feeds check-pages`, and the desk of landing pages, put together."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from rekindle import __version__
from rekindle.catalog import Ages
from rekindle.cli._compose import Installation
from rekindle.cli._feed_options import feed_options, opened
from rekindle.egress.fetch import Fetcher
from rekindle.feeds.landing import MOST, ROBOT, Checked, LandingDesk, PageRun, Visitor
from rekindle.feeds.quality import export
from rekindle.profiles import ItemSightings

_PAGE_SECONDS = 30.0
_sleep = asyncio.sleep


class _Report(msgspec.Struct):
    """What ``--json`` prints."""

    feed: str
    run: PageRun
    items: list[Checked]


def landing_desk(installation: Installation) -> LandingDesk:
    """Return what compares feeds with landing pages."""
    database, blobs, settings = installation.database, installation.blobs, installation.settings
    fetch = Fetcher(
        settings.data / "downloads",
        allow_private=settings.allow_private_addresses,
        timeout_seconds=_PAGE_SECONDS,
        user_agent=f"{ROBOT}/{__version__} (checks product pages against the shop's own feeds)",
    )

    def visitor(pause_ms: int) -> Visitor:
        return Visitor(fetch, installation.clock, _sleep, pause_ms)

    seen, ages = ItemSightings(database), Ages(database, blobs)
    return LandingDesk(database, blobs, seen, ages, visitor, installation.clock, settings.data / "work")


@click.command("check-pages")
@click.argument("feed")
@click.option(
    "--sample", type=click.IntRange(1, MOST), help="Pages to visit [default: page_sample of quality.toml, 50]."
)
@click.option("--item", "ids", multiple=True, help="Visit this item's page; may be given several times.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every item as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@feed_options
def check_pages(
    feed: str, sample: int | None, ids: tuple[str, ...], as_csv: bool, as_json: bool, folder: Path, data: Path | None,
    name: str | None,
) -> None:  # fmt: skip
    """Visit landing pages of FEED's items and compare what their structured data says with the feed.

    A sample is a third what changed last, a third what sells best, and the rest by chance. robots.txt is honoured under the
    name Rekindle. The exit status is 1 when a page would get its item blocked, or the visits ended early.
    """
    found: list[Checked] = []
    quiet = as_csv or as_json

    def told(each: Checked) -> None:
        found.append(each)
        if not quiet:
            _show(each)

    with opened(folder, data, name) as (installation, workspace):
        desk = landing_desk(installation)
        run = asyncio.run(desk.check(workspace, feed, sample or 0, ids, told=told))
    if as_csv:
        click.echo("".join(export.as_csv(export.pages(found))), nl=False)
    elif as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(_Report(feed, run, found)), indent=2))
    else:
        bad = sum(1 for each in found if each.findings)
        click.echo(f"{feed}: {run.visited:,} of {run.items:,} pages visited, {bad:,} with findings")
    if run.words:
        click.echo(f"ended early: {run.words}", err=True)
    sys.exit(1 if run.words or any(one.severity == "block" for each in found for one in each.findings) else 0)


def _show(each: Checked) -> None:
    """Print an item and what was found; nothing of one that is in order."""
    if each.findings:
        row = f" (row {each.row})" if each.row is not None else ""
        click.echo(f"- {each.item!r}{row} {each.link}")
    for one in each.findings:
        values = f": feed {one.feed_value!r}, page {one.page_value!r}" if one.attribute != "link" else ""
        where = f": {one.page_value}" if one.attribute == "link" and one.page_value else ""
        click.echo(f"    {one.severity:<7} {one.attribute} {one.code}{values}{where}")
        click.echo(f"            {one.remedy}")
