"""`rekindle feeds push` and `rekindle feeds pushes`: items to platforms by their API."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import Installation
from rekindle.cli._documents import author
from rekindle.cli._feed_options import feed_options, opened
from rekindle.cli._pushes import feed_pusher
from rekindle.egress.http import HttpTransport
from rekindle.egress.options import take_apart
from rekindle.engines.database.lease import Lease
from rekindle.feeds.channel import configured
from rekindle.feeds.push import (
    Planner,
    PushRefused,
    PushStatus,
    approve,
    platform_of,
    push_issues,
    push_status,
    retry,
)
from rekindle.model.clock import rfc3339
from rekindle.workspace import Feed, Workspace

_ROUND_S = 1.0


@click.command("push")
@click.argument("feed")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--approve", "approved", is_flag=True, help="Let removals that are held go on, too.")
@click.option("--limit", default=3, show_default=True, help="Samples to list with --dry-run.")
@click.option("--wait", default=60, show_default=True, help="Seconds to stay at it, at most.")
@click.option("--author", "who", help="Who takes the decision [default: the account's name].")
@feed_options
def push(
    feed: str, dry_run: bool, approved: bool, limit: int, wait: int, who: str | None,
    folder: Path, data: Path | None, name: str | None,
) -> None:  # fmt: skip
    """Send FEED's live version to its platform by API now; items that were refused go again.

    The scheduler does this by itself after each publication. While one runs, this only makes due what waits.
    """
    with opened(folder, data, name) as (installation, workspace):
        document = _document(workspace, feed)
        if dry_run:
            _rehearse(installation, workspace, feed, document, limit)
            return
        database = installation.database
        if approved:
            installation.record(workspace.name, author(who), "feed.push.approve", feed)
            with database.begin() as connection:
                count = approve(connection, database.dialect, workspace.name, feed, author(who))
            click.echo(f"{feed}: {count:,} removals go on")
        with database.begin() as connection:
            retry(connection, database.dialect, workspace.name, feed, installation.clock())
        if not asyncio.run(_now(installation, workspace, feed, document, wait)):
            click.echo("the scheduler runs; it pushes by itself")
        for status in push_status(database, workspace):
            if status.feed == feed:
                _show(status)


@click.command("pushes")
@click.argument("feed", required=False)
@click.option("--limit", default=20, show_default=True, help="Items to list of which the platform said something.")
@feed_options
def pushes(feed: str | None, limit: int, folder: Path, data: Path | None, name: str | None) -> None:
    """Show how the push of every feed is, or of FEED with what the platform said of its items."""
    with opened(folder, data, name) as (installation, workspace):
        if feed is not None:
            _document(workspace, feed)
        found = push_status(installation.database, workspace)
        if not found:
            click.echo("no feed has a [push]")
        for status in found:
            if feed is None or status.feed == feed:
                _show(status)
        if feed is not None:
            for issue in push_issues(installation.database, workspace.name, feed, limit):
                click.echo(f"  {issue.state:<8} {issue.item}  {issue.code}: {issue.words}")


def _document(workspace: Workspace, feed: str) -> Feed:
    document = workspace.feeds.get(feed)
    if document is None:
        known = ", ".join(sorted(workspace.feeds)) or "none"
        raise click.ClickException(f"there is no feed {feed!r}; there are: {known}")
    try:
        platform_of(document)
    except PushRefused as error:
        raise click.ClickException(f"feeds/{feed}.toml: {error}") from None
    return document


def _rehearse(installation: Installation, workspace: Workspace, feed: str, document: Feed, limit: int) -> None:
    chosen, settings = platform_of(document)
    planner = Planner(
        installation.database, installation.blobs, installation.clock, installation.settings.data / "work"
    )
    found = planner.rehearse(workspace.name, feed, chosen, limit)
    if found is None:
        raise click.ClickException(f"feed {feed} was never published; run `rekindle feeds build {feed}`")
    click.echo(
        f"{feed} version {found.version} to {chosen.manifest.title}: {found.changed:,} items would be sent, "
        f"{found.removed:,} removed; {found.waiting:,} wait already"
    )
    parts = take_apart(chosen.manifest, settings.settings)
    account = chosen.configure(parts.settings, dict.fromkeys(parts.secrets, "unused"), configured(document).spec)
    for identity in found.changed_ids:
        click.echo(f"+ {identity} {msgspec.json.encode(account.content(found.values[identity])).decode()}")
    for identity in found.removed_ids:
        click.echo(f"- {identity}")


async def _now(installation: Installation, workspace: Workspace, feed: str, document: Feed, wait: int) -> bool:
    """Push until nothing is left to do now; return False where a scheduler does it."""
    holder = f"{os.uname().nodename}/{os.getpid()}"
    lease = Lease(installation.database, installation.clock, "scheduler", holder)
    if await asyncio.to_thread(lease.acquire) is None:
        return False
    only = msgspec.structs.replace(workspace, feeds={feed: document})
    transport = HttpTransport(allow_private=installation.settings.allow_private_addresses)
    try:
        pusher = feed_pusher(installation, transport, lambda: [only])
        end = installation.clock() + wait * 1000
        idle = 0
        while installation.clock() < end and await asyncio.to_thread(lease.held):
            idle = 0 if await pusher.step() else idle + 1
            status = next(each for each in push_status(installation.database, only) if each.feed == feed)
            if idle and (status.state in ("held", "open") or not (status.items["waiting"] or status.items["taken"])):
                break
            if idle:
                await asyncio.sleep(_ROUND_S)
    finally:
        await transport.close()
        await asyncio.to_thread(lease.release)
    return True


def _show(status: PushStatus) -> None:
    parts = [f"{count:,} {state}" for state, count in status.items.items() if count] or ["nothing sent yet"]
    since = f", since {rfc3339(status.oldest_ms)}" if status.oldest_ms else ""
    click.echo(
        f"{status.feed} to {status.platform}: version {status.version} of {status.live}, {status.state}; "
        f"{', '.join(parts)}{since}"
    )
    if status.state != "running":
        click.echo(f"  {status.words}")
    if status.held_reason:
        click.echo(f"  HELD: {status.held_reason}. Nothing is removed until then.")
        click.echo(f"  To remove them all the same: rekindle feeds push {status.feed} --approve")
