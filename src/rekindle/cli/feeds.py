"""`rekindle feeds`: build, check, compare, go back, explain."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

import click
import msgspec

from rekindle import feeds
from rekindle.catalog import Options, Refused, SnapshotStore, open_catalog
from rekindle.catalog import Report as Reading
from rekindle.cli import _feed_quality, _landing
from rekindle.cli._compose import Installation
from rekindle.cli._deliveries import deliver, deliveries
from rekindle.cli._documents import author, read_folder
from rekindle.cli._feed_options import feed_options as _options
from rekindle.cli._feed_options import opened as _opened
from rekindle.cli._feed_push import push, pushes
from rekindle.cli._quality import age_lines, push_lines, quality_desk
from rekindle.model.clock import rfc3339
from rekindle.model.issue import Issue
from rekindle.model.ports import ItemCounts
from rekindle.profiles.performance import ItemPerformance
from rekindle.workspace import Feed, Workspace, duration_ms

# What already has the attributes' own names is checked as it is written; anything else is read as products first, and so
# is a feed of Google or Meta for a channel that calls things otherwise (Ceneo, Skąpiec, business data).
_FEEDS = frozenset({"google_feed", "meta_feed"})
_THEIR_NAMES = frozenset({"title", "link"})


def _builder(installation: Installation) -> feeds.FeedBuilder:
    return feeds.FeedBuilder(
        installation.database,
        installation.blobs,
        SnapshotStore(installation.database, installation.blobs),
        installation.clock,
        installation.settings.data / "work",
        performance=ItemPerformance(installation.database),
    )


def _counts(installation: Installation, workspace: Workspace, *documents: Feed) -> Iterable[ItemCounts] | None:
    asking = next((each for each in documents if feeds.uses_performance(each)), None)
    if asking is None:
        return None
    return feeds.recent(asking, ItemPerformance(installation.database), workspace.name, installation.clock())


@click.group()
def command() -> None:
    """Publish the catalogue: build, check, compare, go back, explain, deliver, push."""


command.add_command(deliver)
command.add_command(deliveries)
command.add_command(push)
command.add_command(pushes)


for _each in (*_feed_quality.COMMANDS, _landing.check_pages):
    command.add_command(_each)


@command.command()
@click.argument("feed")
@click.option("--for", "life", help="Sign the address for so long (30d, 12h) instead of showing the token.")
@_options
def address(feed: str, life: str | None, folder: Path, data: Path | None, name: str | None) -> None:
    """Print the address to give to a platform that fetches FEED."""
    with _opened(folder, data, name) as (installation, workspace):
        document = workspace.feeds.get(feed)
        if document is None:
            raise click.ClickException(
                f"there is no feed {feed!r}; there are: {', '.join(sorted(workspace.feeds)) or 'none'}"
            )
        place = f"{workspace.name}/{feed}"
        query = ""
        if document.token is not None:
            query = "?" + urlencode({"token": document.token})
            if life is not None:
                query = "?" + feeds.signed(document.token, place, (installation.clock() + _life(life)) // 1000)
        elif life is not None:
            raise click.ClickException(
                f"feed {feed} has no token, so everybody may read it; give it one to sign addresses"
            )
        known = feeds.configured(document)
        click.echo(f"{workspace.shop.origins[0]}/feeds/{place}.{known.format.extension}{query}")


def _life(text: str) -> int:
    try:
        return duration_ms(text)
    except (LookupError, ValueError):
        raise click.ClickException(f"--for: {text!r} is no duration; write 12h or 30d") from None


@command.command()
@click.argument("feed", required=False)
@_options
def build(feed: str | None, folder: Path, data: Path | None, name: str | None) -> None:
    """Build FEED, or every feed of the workspace, and publish it unless a guard holds it back.

    The exit status is 1 when a version was held.
    """
    held = False
    with _opened(folder, data, name) as (installation, workspace):
        builder = _builder(installation)
        for each in [feed] if feed else sorted(workspace.feeds):
            version = builder.build(workspace, each)
            click.echo(
                f"{each}: version {version.version}, {version.items:,} items, {version.excluded:,} excluded, "
                f"{version.blocked:,} blocked, {version.size / 1e6:.1f} MB ({version.gzip_size / 1e6:.1f} MB gzip)"
            )
            for finding in feeds.findings(installation.database, workspace.name, each):
                click.echo(
                    f"  {finding.count:>7,} {finding.severity:<7} {finding.attribute} {finding.code}: {finding.remedy}"
                )
            if version.held:
                held = True
                click.echo(f"  HELD: {version.held_reason}. The last good version stays.")
                click.echo(f"  To publish it all the same: rekindle feeds approve {each} {version.version}")
    sys.exit(1 if held else 0)


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--channel", required=True, help="The channel to check against, such as google_merchant or meta.")
@click.option("--kind", default="auto", show_default=True, help="The source that reads FILE.")
@click.option("--currency", help="The currency of prices that name none.")
@click.option("--link-base", help="What relative or missing product addresses begin with.")
@click.option("--strict", is_flag=True, help="Exit with 1 when there are errors, not only when FILE cannot be read.")
def check(file: Path, channel: str, kind: str, currency: str | None, link_base: str | None, strict: bool) -> None:
    """Check FILE as the channel would, without an installation; prints JSON.

    FILE is a feed (checked as it is written) or any catalogue that can be imported (checked as it would be published).
    """
    reading = Reading()
    try:
        with open_catalog(file, kind, Options(currency=currency, link_base=link_base), reading) as opened:
            if opened.kind in _FEEDS and set(feeds.channel(channel).spec.names) >= _THEIR_NAMES:
                found = feeds.check_rows(channel, ((row.number, row.values) for row in opened.rows()))
            else:
                found = feeds.check_products(channel, ((item.row, item.product) for item in opened.items()))
    except Refused as error:
        reading.take(error.issue)
        _print_report(feeds.Report(0, 0, 0, []), reading)
        sys.exit(1)
    except feeds.UnknownChannel as error:
        raise click.ClickException(str(error)) from None
    errors = _print_report(found, reading)
    sys.exit(1 if strict and errors else 0)


_NO_ITEMS = Issue(
    None, "", "", "no-items", "error", "", "the file can be read and has no items; look at the export that writes it"
)


def _print_report(found: feeds.Report, reading: Reading) -> int:
    if not found.items and not reading.count("error"):
        reading.take(_NO_ITEMS)
    errors = found.errors + reading.count("error")
    report = feeds.Report(
        found.items, errors, found.warnings + reading.count("warning"), [*reading.issues, *found.issues]
    )
    click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    return errors


@command.command("list")
@click.argument("feed", required=False)
@_options
def list_(feed: str | None, folder: Path, data: Path | None, name: str | None) -> None:
    """Show every feed with its live version and issues, or FEED's versions."""
    with _opened(folder, data, name) as (installation, workspace):
        if feed is None:
            for row in feeds.status(installation.database, workspace):
                live = f"version {row.live.version}, {row.items:,} items" if row.live else "never published"
                since = f", since {rfc3339(row.updated_ms)}" if row.updated_ms is not None else ""
                counts = ", ".join(f"{count:,} {severity}" for severity, count in row.issues.items() if count)
                click.echo(f"{row.feed} ({row.channel}): {live}{since}; issues: {counts or 'none'}")
                if row.held:
                    click.echo(f"  HELD version {row.held.version}: {row.held.held_reason}")
            return
        live_version = feeds.live_version(installation.database, workspace.name, feed)
        for version in feeds.history(installation.database, workspace.name, feed):
            mark = "live" if version.version == live_version else "held" if version.held else "    "
            click.echo(
                f"{version.version:>5} {mark} {rfc3339(version.created_ms)} {version.items:>9,} items "
                f"{version.digest[:12]} {version.held_reason or ''}"
            )


@command.command()
@click.argument("feed")
@click.argument("old", type=int)
@click.argument("new", type=int)
@click.option("--limit", default=50, show_default=True, help="Changes to list.")
@_options
def diff(feed: str, old: int, new: int, limit: int, folder: Path, data: Path | None, name: str | None) -> None:
    """Show what differs between versions OLD and NEW of FEED, by item and attribute."""
    with _opened(folder, data, name) as (installation, workspace):
        found = feeds.diff(installation.database, installation.blobs, workspace.name, feed, old, new, limit)
    click.echo(f"{found.added_items:,} added, {found.removed_items:,} removed, {found.changed_items:,} changed")
    for attribute, count in sorted(found.by_attribute.items(), key=lambda pair: -pair[1]):
        click.echo(f"  {count:>9,} {attribute}")
    for identity in found.added:
        click.echo(f"+ {identity}")
    for identity in found.removed:
        click.echo(f"- {identity}")
    for change in found.changes:
        click.echo(f"~ {change.id} {change.attribute}: {change.before!r} -> {change.after!r}")


@command.command()
@click.argument("feed")
@click.option("--to", "version", type=int, help="The version to publish again [default: the one before the live one].")
@click.option("--author", "who", help="Who does this [default: the account's name].")
@_options
def rollback(
    feed: str, version: int | None, who: str | None, folder: Path, data: Path | None, name: str | None
) -> None:
    """Publish an earlier version of FEED again; it stays until the catalogue or the rules change."""
    with _opened(folder, data, name) as (installation, workspace):
        installation.record(workspace.name, author(who), "feed.rollback", f"{feed} to {version or 'previous'}")
        target = _builder(installation).rollback(workspace.name, feed, version)
        click.echo(f"{feed}: version {target.version} is live again ({target.items:,} items)")


@command.command()
@click.argument("feed")
@click.argument("version", type=int)
@click.option("--author", "who", help="Who takes the decision [default: the account's name].")
@_options
def approve(feed: str, version: int, who: str | None, folder: Path, data: Path | None, name: str | None) -> None:
    """Publish a held VERSION of FEED all the same."""
    with _opened(folder, data, name) as (installation, workspace):
        installation.record(workspace.name, author(who), "feed.approve", f"{feed} version {version}")
        passed = _builder(installation).approve(workspace.name, feed, version, author(who))
        click.echo(f"{feed}: version {passed.version} is live ({passed.items:,} items)")


@command.command()
@click.argument("feed")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@_options
def write(feed: str, file: Path, folder: Path, data: Path | None, name: str | None) -> None:
    """Write FEED to FILE as a build would publish it now, and publish nothing."""
    with _opened(folder, data, name) as (installation, workspace):
        snapshot = SnapshotStore(installation.database, installation.blobs).current(workspace.name)
        document = workspace.feeds.get(feed)
        if snapshot is None or document is None:
            raise click.ClickException(f"there is no feed {feed!r}, or no catalogue has been imported")
        counts = _counts(installation, workspace, document)
        feeds.write(snapshot, document, workspace.shop, file.absolute(), counts)
    click.echo(f"{file}: {file.stat().st_size:,} bytes; nothing was published")


@command.command()
@click.argument("feed")
@click.option("--limit", default=10, show_default=True, help="Samples to list of each kind.")
@_options
def preview(feed: str, limit: int, folder: Path, data: Path | None, name: str | None) -> None:
    """Show what FEED as the files say it would change against what is live: changed, excluded, newly broken."""
    changed = read_folder(folder).feeds.get(feed)
    with _opened(folder, data, name) as (installation, workspace):
        snapshot = SnapshotStore(installation.database, installation.blobs).current(workspace.name)
        live = workspace.feeds.get(feed)
        if snapshot is None or live is None or changed is None:
            raise click.ClickException(f"there is no feed {feed!r} in both, or no catalogue has been imported")
        failed = feeds.failed_examples(changed)
        found = feeds.preview(
            snapshot, live, changed, limit=limit, counts=_counts(installation, workspace, changed, live)
        )
    for fault in failed:
        click.echo(f"! {fault}")
    _print_preview(found)


@command.command()
@click.argument("feed")
@click.option(
    "--against", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The other specification, a file like the channel's spec.toml.",
)  # fmt: skip
@click.option("--limit", default=10, show_default=True, help="Samples to list of each kind.")
@_options
def spec(feed: str, file: Path, limit: int, folder: Path, data: Path | None, name: str | None) -> None:
    """Show which items of FEED would break if its channel's specification were the one in a file.

    The exit status is 1 when any would. Nothing is published or changed.
    """
    try:
        other = feeds.parse_spec(file.read_text("utf-8"))
    except (ValueError, msgspec.ValidationError) as error:
        raise click.ClickException(f"{file}: {error}") from None
    with _opened(folder, data, name) as (installation, workspace):
        snapshot = SnapshotStore(installation.database, installation.blobs).current(workspace.name)
        document = workspace.feeds.get(feed)
        if snapshot is None or document is None:
            raise click.ClickException(f"there is no feed {feed!r}, or no catalogue has been imported")
        found = feeds.spec_change(
            snapshot, document, other, limit=limit, counts=_counts(installation, workspace, document)
        )
    for fact in found.facts:
        click.echo(f"{fact.name} {fact.what}: {fact.before!r} -> {fact.after!r}")
    _print_preview(found.preview)
    sys.exit(1 if found.preview.newly_blocked else 0)


def _print_preview(found: feeds.Preview) -> None:
    moved = found.difference
    click.echo(
        f"{found.items:,} items; {moved.changed_items:,} changed, {moved.added_items:,} added, "
        f"{found.newly_excluded:,} newly excluded, {found.newly_blocked:,} newly broken"
    )
    for change in moved.changes:
        click.echo(f"~ {change.id} {change.attribute}: {change.before!r} -> {change.after!r}")
    for mark, ids in (("excluded", found.excluded), ("broken", found.blocked)):
        for identity in ids:
            click.echo(f"- {identity} {mark}")
    for finding in found.findings:
        click.echo(f"  {finding.count:>7,} {finding.severity:<7} {finding.attribute} {finding.code}: {finding.remedy}")


@command.command()
@click.argument("feed")
@click.argument("item")
@click.argument("attribute")
@_options
def explain(feed: str, item: str, attribute: str, folder: Path, data: Path | None, name: str | None) -> None:
    """Tell which source row, rule and check gave ITEM's ATTRIBUTE its value; ITEM is the shop's own id."""
    with _opened(folder, data, name) as (installation, workspace):
        snapshot = SnapshotStore(installation.database, installation.blobs).current(workspace.name)
        document = workspace.feeds.get(feed)
        if snapshot is None or document is None:
            raise click.ClickException(f"there is no feed {feed!r}, or no catalogue has been imported")
        counts = _counts(installation, workspace, document)
        told = feeds.explain(snapshot, document, item, attribute, counts)
        ages = list(age_lines(quality_desk(installation), workspace, feed, item))
        if document.push is not None:
            identity = told if attribute == "id" else feeds.explain(snapshot, document, item, "id", counts)
            ages += push_lines(installation.database, workspace, feed, identity.value or item)
    click.echo(f"{told.id} {told.attribute}: {told.value!r}; {told.outcome}")
    click.echo(f"  read from source {told.source}, row {told.row}")
    for step in told.steps:
        click.echo(f"  {step.value!r}  {step.stage}")
    for line in ages:
        click.echo(f"  {line}")


@command.command()
@click.argument("feed")
@click.option(
    "--toml", "as_toml", is_flag=True, help="Print a rule with the likeliest category of each, to look through."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--limit", default=200, show_default=True, help="Categories to list, those with most unmapped items first."
)
@_options
def categories(
    feed: str, as_toml: bool, as_json: bool, limit: int, folder: Path, data: Path | None, name: str | None
) -> None:
    """Show the shop's categories, what FEED sends for them of Google's taxonomy, and proposals for those without.

    Proposals compare words, in English and Polish; nothing is changed.
    """
    with _opened(folder, data, name) as (installation, workspace):
        snapshot = SnapshotStore(installation.database, installation.blobs).current(workspace.name)
        document = workspace.feeds.get(feed)
        if snapshot is None or document is None:
            raise click.ClickException(f"there is no feed {feed!r}, or no catalogue has been imported")
        language = "pl" if workspace.shop.country == "PL" else "en"
        found = feeds.categories(snapshot, document, language, limit, _counts(installation, workspace, document))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    elif as_toml:
        click.echo(feeds.category_rule(found), nl=False)
    else:
        _print_categories(found)


def _print_categories(found: Iterable[feeds.ShopCategory]) -> None:
    for each in found:
        known = each.sent or "none" if not each.unknown else f"{each.unknown:,} without a known one"
        click.echo(f"{each.items:>9,} {each.name or '(no category)'}: {known}")
        for proposal in each.proposed:
            click.echo(f"          {proposal.likeness:>4.0%} {proposal.number} {proposal.local}")
