"""`rekindle feeds quality`, `ids`, `drift`, `ages`: feeds against what the tag saw, and how old they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from rekindle.cli._feed_options import feed_options, opened
from rekindle.cli._quality import quality_desk, short_age
from rekindle.feeds import findings
from rekindle.feeds.quality import DriftReport, FreshnessReport, IdReport, Spread, export
from rekindle.model.clock import rfc3339
from rekindle.workspace import duration_ms

F = TypeVar("F", bound=Callable[..., Any])

_csv = click.option("--csv", "as_csv", is_flag=True, help="Print every item as CSV.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
_limit = click.option("--limit", default=20, show_default=True, help="Items to list.")


@click.command()
@click.argument("feed")
@_limit
@_csv
@_json
@feed_options
def ids(feed: str, limit: int, as_csv: bool, as_json: bool, folder: Path, data: Path | None, name: str | None) -> None:
    """Compare the ids that pages sent in the last 24 hours with those that FEED publishes, byte for byte.

    Known rewritings of shop systems are recognised. Where a rule would help it is printed as it belongs at the end of the
    feed's file, with the share of events that would match then.
    """
    with opened(folder, data, name) as (installation, workspace):
        desk = quality_desk(installation)
        if as_csv:
            _print(export.as_csv(export.ids(desk.misses(workspace, feed))))
            return
        report = desk.ids(workspace, feed, limit)
    if as_json:
        _print_json(report)
    else:
        _show_ids(report)


def _show_ids(report: IdReport) -> None:
    if report.share is None:
        click.echo(f"{report.feed}: no event named an item in the last 24 hours; nothing can be compared")
        return
    click.echo(
        f"{report.feed} version {report.version}: {report.share:.1%} of {report.events:,} events name an id of the feed "
        f"({report.matched_ids:,} of {report.ids:,} ids)"
    )
    for code, count in report.reasons.items():
        click.echo(f"  {count:>9,} {code}")
    for miss in report.misses:
        known = f" (in the feed: {miss.feed_id!r})" if miss.feed_id and miss.feed_id != miss.item_id else ""
        click.echo(f"- {miss.item_id!r} {miss.code}{known}, {miss.events:,} events")
    if report.fix is not None:
        click.echo(
            f"\nThis rule at the end of feeds/{report.feed}.toml: {report.fix.before:.1%} -> {report.fix.after:.1%}\n"
        )
        click.echo(report.fix.toml)


@click.command()
@click.argument("feed")
@_limit
@_csv
@_json
@feed_options
def drift(
    feed: str, limit: int, as_csv: bool, as_json: bool, folder: Path, data: Path | None, name: str | None
) -> None:
    """List the items of FEED whose price or stock differs from what pages showed in the last hours.

    The exit status is 1 when more of them differ than quality.toml allows (max_drift).
    """
    with opened(folder, data, name) as (installation, workspace):
        desk = quality_desk(installation)
        report = desk.drift(workspace, feed, 0 if as_csv else limit)
        if as_csv:
            _print(export.as_csv(export.drift(desk.drifted(workspace, feed))))
    if as_json and not as_csv:
        _print_json(report)
    elif not as_csv:
        _show_drift(report)
    sys.exit(1 if (report.share or 0) > workspace.quality.max_drift else 0)


def _show_drift(report: DriftReport) -> None:
    share = "" if report.share is None else f" ({report.share:.1%})"
    click.echo(
        f"{report.feed} version {report.version}: {report.drifted:,} of {report.compared:,} compared items differ{share}, "
        f"pages seen since {rfc3339(report.since_ms)}"
    )
    if report.ratio is not None:
        click.echo(
            f"  {report.ratio_items:,} pages show {report.ratio:g} times the feed's price: is tax on one side alone?"
        )
    for each in report.items:
        agreeing = f", {each.agreeing:,} views agree" if each.agreeing else ""
        click.echo(
            f"- {each.item_id!r} {each.kind}: feed {each.feed_value}, page {each.page_value} since {rfc3339(each.since_ms)}, "
            f"{each.views:,} views{agreeing}"
        )


@click.command()
@click.argument("feed")
@_csv
@_json
@feed_options
def ages(feed: str, as_csv: bool, as_json: bool, folder: Path, data: Path | None, name: str | None) -> None:
    """Show how old price and stock of FEED's items are: at the source, published, and at each channel.

    The exit status is 1 when any is older at a channel than the feed allows (fresh_within).
    """
    with opened(folder, data, name) as (installation, workspace):
        desk = quality_desk(installation)
        if as_csv:
            _print(export.as_csv(export.ages(desk.ages(workspace, feed))))
            return
        report = desk.freshness(workspace, feed)
        allowed = workspace.feeds[feed].fresh_within
    if as_json:
        _print_json(report)
    else:
        _show_ages(report, allowed)
    sys.exit(1 if report.farthest.late else 0)


def _show_ages(report: FreshnessReport, allowed: str) -> None:
    click.echo(f"{report.feed} version {report.version}: {report.items:,} items, allowed age {allowed}")
    if report.unknown:
        click.echo(f"  {report.unknown:,} items have no known age; import their source again")
    for stage in report.stages:
        version = "" if stage.version is None else f" version {stage.version} since {rfc3339(stage.since_ms or 0)}"
        late = f", {stage.late:,} items too old" if stage.late else ""
        late += f", {stage.behind:,} in an older form" if stage.behind else ""
        late += f", {stage.missing:,} not there" if stage.missing else ""
        click.echo(f"  {stage.name}{version}: price {_spread(stage.price)}; stock {_spread(stage.stock)}{late}")


def _spread(spread: Spread) -> str:
    return (
        f"median {short_age(spread.median_ms)}, 95 % {short_age(spread.p95_ms)}, oldest {short_age(spread.oldest_ms)}"
    )


@click.command()
@_csv
@feed_options
def quality(as_csv: bool, folder: Path, data: Path | None, name: str | None) -> None:
    """Show every feed's issues, id match, drift and age, computed now, and keep the reports for the console.

    The exit status is 1 when drift or age of any is over what is allowed.
    """
    bad = False
    with opened(folder, data, name) as (installation, workspace):
        desk = quality_desk(installation)
        if as_csv:
            every = [
                (feed, document.channel, findings(installation.database, workspace.name, feed))
                for feed, document in sorted(workspace.feeds.items())
            ]
            _print(export.as_csv(export.findings(every)))
            return
        for feed, document in sorted(workspace.feeds.items()):
            made = desk.refresh(workspace, feed)
            report, moved, fresh = made.ids, made.drift, made.freshness
            assert report is not None
            assert moved is not None
            assert fresh is not None
            found = findings(installation.database, workspace.name, feed)
            blocked = sum(each.count for each in found if each.severity == "block")
            last = fresh.farthest
            click.echo(
                f"{feed} ({document.channel}): {fresh.items:,} items, {blocked:,} blocked; ids "
                f"{'-' if report.share is None else f'{report.share:.1%}'}; drift "
                f"{'-' if moved.share is None else f'{moved.share:.1%}'}; {last.name} price {short_age(last.price.oldest_ms)}, "
                f"stock {short_age(last.stock.oldest_ms)} at the oldest (allowed {short_age(duration_ms(document.fresh_within))})"
            )
            bad = bad or last.late > 0 or (moved.share or 0) > workspace.quality.max_drift
    sys.exit(1 if bad else 0)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, nl=False)


def _print_json(report: msgspec.Struct) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))


COMMANDS = (ids, drift, ages, quality)
