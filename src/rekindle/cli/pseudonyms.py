"""`rekindle pseudonyms`."""

from __future__ import annotations

from pathlib import Path

import click

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import author
from rekindle.cli._options import installation_options
from rekindle.cli._subjects import relink
from rekindle.model.clock import rfc3339
from rekindle.privacy.keys import KeyUnusable
from rekindle.privacy.ledger import LedgerUnavailable
from rekindle.workspace import duration_ms

_DAY_MS = 86_400_000


@click.group()
def command() -> None:
    """Give every visitor a new pseudonym, and let the old ones lead to nobody after a while."""


@command.command("rotate")
@installation_options
@click.option("--window", help="How long old and new names are joined [default: the longest keep_events, and a day].")
@click.option("--author", "given_author", help="Who does this [default: the account's name].")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def rotate(folder: Path, data: Path | None, window: str | None, given_author: str | None, yes: bool) -> None:
    """Begin a new key epoch; running processes follow within a second.

    Profiles, audiences, choices and the suppression list go on under the new names. The scheduler destroys the old key
    when the window is over and nothing stands under the old names any more.
    """
    installation = open_installation(folder, data)
    try:
        least = _longest_ms(installation)
        window_ms = _window(window, least)
        if not yes:
            click.confirm("Give everybody a new pseudonym?", abort=True)
        work = relink(installation)
        made = work.rotate(author(given_author), window_ms)
        moved = work.move()
    except (KeyUnusable, LedgerUnavailable) as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"Epoch {made.epoch} has begun; {moved} entries moved. The old key goes after {rfc3339(made.ends_ms)}.")


@command.command("status")
@installation_options
def status(folder: Path, data: Path | None) -> None:
    """Show the rotations, their windows, and how much still stands under older names."""
    installation = open_installation(folder, data)
    try:
        work = relink(installation)
        kept, rotations, left = installation.keyring.pseudonym_epochs(), work.all(), work.left()
    except KeyUnusable as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
    click.echo(f"epoch in use: {kept[0]}; older keys kept: {', '.join(map(str, kept[1:])) or 'none'}")
    for one in rotations:
        end = f"ended {rfc3339(one.retired_ms)}" if one.retired_ms else f"window until {rfc3339(one.ends_ms)}"
        click.echo(f"epoch {one.epoch}: began {rfc3339(one.started_ms)}, {end}")
    if left:
        click.echo(f"entries under older names: {left}")


def _longest_ms(installation: Installation) -> int:
    return max((duration_ms(shop.policy.keep_events) for shop in installation.workspaces().values()), default=0)


def _window(given: str | None, least_ms: int) -> int:
    if given is None:
        return least_ms + _DAY_MS
    try:
        window_ms = duration_ms(given)
    except ValueError as error:
        raise click.ClickException(f"--window: {error}") from None
    if window_ms < least_ms:
        raise click.ClickException(
            f"--window {given} is shorter than the log keeps events ({least_ms // _DAY_MS} days): what is older than the "
            "window could be found, exported and erased for nobody any more. Leave it out, or shorten keep_events first"
        )
    return window_ms
