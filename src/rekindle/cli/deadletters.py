"""`rekindle deadletters`: what came to a bad end, and the way back."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._dead_members import members
from rekindle.cli._documents import author, read_folder
from rekindle.cli._letters import letter_desk
from rekindle.cli._options import installation_options
from rekindle.cli._times import moment
from rekindle.console.words import Words
from rekindle.egress.deadletters import Filter, Letter, LetterDesk, find, reasons
from rekindle.egress.rehearsal import SEND, Rehearsed
from rekindle.model.clock import rfc3339

F = TypeVar("F", bound=Callable[..., Any])
_SHOWN = 3


@click.group()
def command() -> None:
    """Look at events that a platform refused for good, and send them again after a repair."""


command.add_command(members)


def _filters(function: F) -> F:
    options = (
        click.option("--destination", help="Only those of this destination."),
        click.option("--reason", help="Only those with this reason code."),
        click.option("--since", "since_ms", callback=moment, help="Only those that ended at or after this time (RFC 3339)."),
        click.option("--until", "until_ms", callback=moment, help="Only those that ended before this time (RFC 3339)."),
        click.option(
            "--outcome",
            type=click.Choice(["dead", "invalid"]),
            default="dead",
            show_default=True,
            help="dead: the platform refused it; invalid: it could not be mapped.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@command.command("list")
@_filters
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most, the newest."
)
@installation_options
def list_(folder: Path, data: Path | None, limit: int, **given: Any) -> None:
    """List dead letters, newest first: when, destination, event, reason, the platform's words (masked)."""
    words = Words("en")
    installation, chosen = _open(folder, data, given)
    try:
        found = find(installation.database, chosen, limit)
        counted = reasons(installation.database, chosen)
    finally:
        installation.close()
    for each in found:
        click.echo(f"{rfc3339(each.updated_ms)} {each.destination} {each.event} {each.event_id}: {each.reason}")
        click.echo(f"  {words.reason(each.reason)}" + (f": {each.detail}" if each.detail else ""))
    for (destination, reason), count in counted.items():
        click.echo(f"{destination}: {count} × {reason}. {words.remedy(reason)}".rstrip())
    click.echo(f"{len(found)} dead letter(s)" + (", and perhaps more (--limit)" if len(found) == limit else ""))


@command.command("show")
@click.argument("event_id")
@_filters
@installation_options
def show_(event_id: str, folder: Path, data: Path | None, **given: Any) -> None:
    """Show one dead letter: the platform's words, why, the remedy, and the payload, masked, as JSON.

    `before` is what the platform saw, mapped again with the workspace as it was then; `after` is what it would see
    now. Whatever names a person is described and not shown; `record` is the event as it is stored, its seal closed.
    """
    words = Words("en")
    installation, chosen = _open(folder, data, given | {"event_id": event_id})
    found = _at_desk(installation, lambda desk: desk.show(chosen, 100))
    if not found:
        raise click.ClickException(
            f"{event_id!r} is no dead letter of {chosen.workspace}; see `rekindle explain {event_id}`"
        )
    shown = [
        {
            "destination": letter.outcome.destination,
            "why": words.reason(letter.outcome.reason),
            "words": letter.outcome.detail,
            "remedy": words.remedy(letter.outcome.reason),
            **msgspec.to_builtins(letter, enc_hook=str),
        }
        for letter in found
    ]
    click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())


@command.command("replay")
@_filters
@click.option("--event", "event_id", help="Only this event, by its id.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    show_default=True,
    help="How many at most, the newest.",
)
@click.option("--dry-run", is_flag=True, help="Only tell how many, and show what would leave, before and after.")
@click.option("--author", "given_author", help="Who does this, for the ledger [default: your account's name].")
@click.option("--yes", is_flag=True, help="Do not ask.")
@installation_options
def replay_(
    folder: Path, data: Path | None, event_id: str | None, limit: int, dry_run: bool, given_author: str | None,
    yes: bool, **given: Any,
) -> None:  # fmt: skip
    """Send dead letters again: consent is decided anew, mapping and windows are today's, and the ledger keeps it.

    Change the settings, `rekindle plan`, `rekindle apply`, look with --dry-run, then replay. The lanes of a running
    worker take them up at once. What is no longer in the log cannot be sent again.
    """
    installation, chosen = _open(folder, data, given | {"event_id": event_id})
    counted = reasons(installation.database, chosen)
    count = min(limit, sum(counted.values()))
    if dry_run or not count:
        letters = _at_desk(installation, lambda desk: desk.show(chosen, min(limit, _SHOWN)))
        for line in _rehearsed(letters):
            click.echo(line)
        for (destination, reason), number in counted.items():
            click.echo(f"{destination}: {number} × {reason}")
        click.echo(f"{count} event(s) would go again." if count else "There is nothing to send again.")
        return
    if not yes:
        click.confirm(f"Send {count} event(s) again?", abort=True)
    done = _at_desk(installation, lambda desk: desk.replay(chosen, author(given_author), limit))
    click.echo(f"{done.again} event(s) go again" + (f"; {done.gone} are no longer in the log." if done.gone else "."))


def _rehearsed(letters: list[Letter]) -> Iterator[str]:
    words = Words("en")
    for letter in letters:
        yield f"{letter.outcome.destination} {letter.outcome.event} {letter.outcome.event_id}"
        if letter.record is None:
            yield "  it is no longer in the log and cannot be sent again"
        elif letter.after is None:
            yield "  the destination is configured no more"
        elif letter.after.outcome != SEND:
            why = f"{words.reason(letter.after.reason)} {letter.after.detail}".strip()
            yield f"  it would not leave: {words.outcome(letter.after.outcome)}, {why}"
        else:
            yield from (f"  {line}" for line in _difference(letter.before, letter.after))


def _difference(before: Rehearsed | None, after: Rehearsed) -> Iterator[str]:
    """Yield the new body line by line, with + and - where it differs from the one that was refused."""
    old = _lines(before.body) if before is not None and before.outcome == SEND else []
    new = _lines(after.body)
    if old == new:
        yield "the same body as the one that was refused:"
    yield from (line for line in difflib.ndiff(old, new) if not line.startswith("?"))


def _lines(body: Any) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(body, enc_hook=str)).decode().splitlines()


def _at_desk(installation: Installation, ask: Callable[[LetterDesk], Any]) -> Any:
    """Return what the desk answers, and close the installation."""

    async def asked() -> Any:
        try:
            return await ask(letter_desk(installation))
        finally:
            await installation.aclose()

    return asyncio.run(asked())


def _open(folder: Path, data: Path | None, given: dict[str, Any]) -> tuple[Installation, Filter]:
    chosen = Filter(workspace=read_folder(folder).name, **given)
    return open_installation(folder, data), chosen
