"""`rekindle deadletters`: what came to a bad end, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
import msgspec

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import author, read_folder
from rekindle.cli._options import installation_options
from rekindle.console.words import Words
from rekindle.egress.deadletters import Filter, Letter, Replayed, find, replay, show
from rekindle.model.clock import rfc3339

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Look at events that a platform refused for good, and send them again after a repair."""


def _filters(function: F) -> F:
    function = click.option("--reason", help="Only those with this reason code.")(function)
    function = click.option("--destination", help="Only those of this destination.")(function)
    return click.option(
        "--outcome",
        type=click.Choice(["dead", "invalid"]),
        default="dead",
        show_default=True,
        help="dead: the platform refused it; invalid: it could not be mapped.",
    )(function)


@command.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@installation_options
def list_(
    folder: Path, data: Path | None, destination: str | None, reason: str | None,
    outcome: Literal["dead", "invalid"], limit: int,
) -> None:  # fmt: skip
    """List dead letters, newest first: when, destination, event, reason, the platform's words (masked)."""
    words = Words("en")
    installation, workspace = _open(folder, data)
    try:
        chosen = Filter(workspace=workspace, destination=destination, reason=reason, outcome=outcome)
        found = find(installation.database, chosen, limit)
    finally:
        installation.close()
    for each in found:
        click.echo(f"{rfc3339(each.updated_ms)} {each.destination} {each.event} {each.event_id}: {each.reason}")
        click.echo(f"  {words.reason(each.reason)}" + (f": {each.detail}" if each.detail else ""))
    click.echo(f"{len(found)} dead letter(s)" + (", and perhaps more (--limit)" if len(found) == limit else ""))


@command.command("show")
@click.argument("event_id")
@_filters
@installation_options
def show_(
    event_id: str, folder: Path, data: Path | None, destination: str | None, reason: str | None,
    outcome: Literal["dead", "invalid"],
) -> None:  # fmt: skip
    """Show one dead letter with the event as it is stored, as JSON. The personal part stays sealed."""
    installation, workspace = _open(folder, data)
    try:
        chosen = Filter(workspace=workspace, destination=destination, reason=reason, outcome=outcome, event_id=event_id)
        found = asyncio.run(_shown(installation, chosen))
    finally:
        installation.close()
    if not found:
        raise click.ClickException(f"{event_id!r} is no dead letter of {workspace}; see `rekindle explain {event_id}`")
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


@command.command("replay")
@_filters
@click.option("--event", "event_id", help="Only this event.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--author", "given", help="Who does this, for the ledger [default: your account's name].")
@click.option("--yes", is_flag=True, help="Do not ask.")
@installation_options
def replay_(
    folder: Path, data: Path | None, destination: str | None, reason: str | None,
    outcome: Literal["dead", "invalid"], event_id: str | None, limit: int, given: str | None, yes: bool,
) -> None:  # fmt: skip
    """Send dead letters again: consent is decided anew, mapping and windows are today's, and the ledger keeps it.

    The lanes of a running worker take them up at once. What is no longer in the log cannot be sent again.
    """
    installation, workspace = _open(folder, data)
    try:
        chosen = Filter(workspace=workspace, destination=destination, reason=reason, outcome=outcome, event_id=event_id)
        count = len(find(installation.database, chosen, limit))
        if not count:
            click.echo("There is nothing to send again.")
            return
        if not yes:
            click.confirm(f"Send {count} event(s) again?", abort=True)
        done = asyncio.run(_replayed(installation, chosen, author(given), limit))
    finally:
        installation.close()
    click.echo(f"{done.again} event(s) go again" + (f"; {done.gone} are no longer in the log." if done.gone else "."))


async def _shown(installation: Installation, chosen: Filter) -> list[Letter]:
    try:
        return await show(installation.database, installation.log, chosen)
    finally:
        await installation.log.close()


async def _replayed(installation: Installation, chosen: Filter, actor: str, limit: int) -> Replayed:
    try:
        return await replay(
            installation.database, installation.log, installation.ledger, installation.clock, chosen, actor, limit
        )
    finally:
        await installation.log.close()


def _open(folder: Path, data: Path | None) -> tuple[Installation, str]:
    workspace = read_folder(folder).name
    return open_installation(folder, data), workspace
