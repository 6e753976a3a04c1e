"""`rekindle feeds deliver` and `deliveries`; and what delivers, put together for commands and the scheduler."""

from __future__ import annotations

import asyncio
import os
import random as jitter
import sys
from pathlib import Path

import click

from rekindle import feeds
from rekindle.cli._compose import Installation
from rekindle.cli._feed_options import feed_options, opened
from rekindle.egress.http import HttpTransport
from rekindle.egress.reach import Reach
from rekindle.feeds.carrying import Carrier
from rekindle.feeds.deliveries import DeliveryStatus
from rekindle.feeds.receipts import Receipt
from rekindle.model.clock import rfc3339
from rekindle.workspace import Workspace


def deliverer(installation: Installation, transport: HttpTransport) -> feeds.Deliverer:
    """Return what delivers; the leases of single deliveries outlive the scheduler's own."""
    reach = Reach(allow_private=installation.settings.allow_private_addresses)
    return feeds.Deliverer(
        installation.database,
        installation.blobs,
        Carrier(transport, reach, installation.clock),
        installation.secrets.get,
        installation.ledger,
        installation.clock,
        jitter.random,
        f"{os.uname().nodename}/{os.getpid()}",
        installation.settings.data / "work",
    )


@click.command()
@click.argument("feed")
@click.option("--to", "name_of", help="Only this delivery [default: every enabled one].")
@click.option("--again", is_flag=True, help="Also where the live version has arrived already.")
@feed_options
def deliver(feed: str, name_of: str | None, again: bool, folder: Path, data: Path | None, name: str | None) -> None:
    """Take FEED's live version where its deliveries go, now.

    One attempt each; the scheduler goes on with what failed. The exit status is 1 when any did not arrive.
    """
    with opened(folder, data, name) as (installation, workspace):
        wanted = _wanted(workspace, feed, name_of)
        states = {
            each.name: each
            for each in feeds.delivery_status(installation.database, workspace, installation.clock())
            if each.feed == feed
        }
        due = []
        for each in wanted:
            state = states[each]
            if state.live_version is not None and state.live_version == state.turn.arrived_version and not again:
                click.echo(f"{each}: version {state.live_version} has arrived already; --again takes it there again")
            else:
                due.append(each)
        results = asyncio.run(_deliver(installation, workspace, feed, due))
    for result in results:
        later = "; it is tried again by the scheduler" if result.again else ""
        words = f": {result.words}" if result.words else ""
        click.echo(f"{result.delivery}: version {result.version} {result.status}{words}{later}")
    sys.exit(0 if all(result.status in feeds.ARRIVED for result in results) else 1)


def _wanted(workspace: Workspace, feed: str, name: str | None) -> list[str]:
    document = workspace.feeds.get(feed)
    if document is None:
        raise click.ClickException(
            f"there is no feed {feed!r}; there are: {', '.join(sorted(workspace.feeds)) or 'none'}"
        )
    known = [each.name for each in document.delivery]
    if name is None:
        enabled = [each.name for each in document.delivery if each.enabled]
        if not enabled:
            raise click.ClickException(f"feed {feed} has no delivery; add a [[delivery]] to feeds/{feed}.toml")
        return enabled
    if name not in known:
        raise click.ClickException(f"feed {feed} has no delivery {name!r}; it has: {', '.join(known) or 'none'}")
    return [name]


async def _deliver(
    installation: Installation, workspace: Workspace, feed: str, names: list[str]
) -> list[feeds.Delivered]:
    async with HttpTransport(allow_private=installation.settings.allow_private_addresses) as transport:
        goes = deliverer(installation, transport)
        documents = {each.name: each for each in workspace.feeds[feed].delivery}
        return [await goes.deliver(workspace, feed, documents[name]) for name in names]


@click.command()
@click.argument("feed", required=False)
@click.option("--limit", default=20, show_default=True, help="Receipts to list of each way out.")
@feed_options
def deliveries(feed: str | None, limit: int, folder: Path, data: Path | None, name: str | None) -> None:
    """Show how far each delivery is, or FEED's, with its receipts and those of the readers of its address."""
    with opened(folder, data, name) as (installation, workspace):
        for state in feeds.delivery_status(installation.database, workspace, installation.clock()):
            if feed in (None, state.feed):
                _print_state(state, limit if feed else 1)
        if feed is None:
            return
        with installation.database.read() as connection:
            pulls = feeds.receipt_history(connection, workspace.name, feed, feeds.PULL, limit)
        for receipt in pulls:
            click.echo(_told(receipt))


def _print_state(state: DeliveryStatus, limit: int) -> None:
    turn = state.turn
    arrived = (
        f"version {turn.arrived_version} since {rfc3339(turn.arrived_ms)}"
        if turn.arrived_version is not None
        else "nothing arrived yet"
    )
    marks = [
        *(["off"] if not state.enabled else []),
        *([f"tried {turn.attempts} times, again at {rfc3339(turn.next_ms)}"] if turn.status == "waiting" else []),
        *(["stopped"] if turn.status == "stopped" else []),
        *(["LATE"] if state.late else []),
    ]
    click.echo(f"{state.feed} → {state.name} ({state.location}): {', '.join([arrived, *marks])}")
    if turn.words:
        click.echo(f"  {turn.words}")
    for receipt in state.receipts[:limit]:
        click.echo("  " + _told(receipt))


def _told(receipt: Receipt) -> str:
    tries = f", attempt {receipt.attempts}" if receipt.attempts > 1 else ""
    words = f" {receipt.detail}" if receipt.detail else ""
    return f"{rfc3339(receipt.at_ms)} {receipt.route}: version {receipt.version} {receipt.status}{tries}{words}"
