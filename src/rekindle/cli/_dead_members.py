"""`rekindle deadletters members`: people whom an audience's platform refused, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import author, read_folder
from rekindle.cli._letters import member_desk
from rekindle.cli._options import installation_options
from rekindle.cli._times import moment
from rekindle.console.words import Words
from rekindle.egress.deadmembers import MemberDesk, MemberFilter, Prospect, find, reasons
from rekindle.model.clock import rfc3339

F = TypeVar("F", bound=Callable[..., Any])
_SHOWN = 20


@click.group("members")
def members() -> None:
    """Look at people whom an audience's platform refused for good, and have it told again after a repair.

    People are shown by the beginning of their pseudonym. A removal that is refused is told again by itself first.
    """


def _filters(function: F) -> F:
    options = (
        click.option("--destination", help="Only those of this destination."),
        click.option("--reason", help="Only those with this reason code."),
        click.option("--member", help="Only this person, by the beginning of the pseudonym as `list` shows it."),
        click.option("--since", "since_ms", callback=moment, help="Only those that ended at or after this time (RFC 3339)."),
        click.option("--until", "until_ms", callback=moment, help="Only those that ended before this time (RFC 3339)."),
        click.option(
            "--outcome",
            type=click.Choice(["dead", "invalid"]),
            default="dead",
            show_default=True,
            help="dead: the platform refused them; invalid: nothing it could match was known.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@members.command("list")
@_filters
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most, the newest."
)
@installation_options
def list_(folder: Path, data: Path | None, limit: int, **given: Any) -> None:
    """List refused people, newest first: when, destination, pseudonym, add or remove, reason, the platform's words."""
    words = Words("en")
    installation, chosen = _open(folder, data, given)
    try:
        found = find(installation.database, chosen, limit)
        counted = reasons(installation.database, chosen)
    finally:
        installation.close()
    for each in found:
        tries = f"{each.attempts} tries" if each.attempts != 1 else "1 try"
        click.echo(
            f"{rfc3339(each.updated_ms)} {each.destination} {each.member} {each.operation}: {each.reason} ({tries})"
        )
        click.echo(f"  {words.reason(each.reason)}" + (f": {each.detail}" if each.detail else ""))
    for (destination, reason), count in counted.items():
        click.echo(f"{destination}: {count} × {reason}. {words.remedy(reason)}".rstrip())
    click.echo(f"{len(found)} member(s)" + (", and perhaps more (--limit)" if len(found) == limit else ""))


@members.command("replay")
@_filters
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    show_default=True,
    help="How many at most, the newest.",
)
@click.option("--dry-run", is_flag=True, help="Only tell how many, and what would happen to the newest of them.")
@click.option("--author", "given_author", help="Who does this, for the ledger [default: your account's name].")
@click.option("--yes", is_flag=True, help="Do not ask.")
@installation_options
def replay_(
    folder: Path, data: Path | None, limit: int, dry_run: bool, given_author: str | None, yes: bool, **given: Any
) -> None:
    """Have the platform told again: consent is decided anew, mapping is today's, and the ledger keeps it."""
    installation, chosen = _open(folder, data, given)
    counted = reasons(installation.database, chosen)
    count = min(limit, sum(counted.values()))
    if dry_run or not count:
        for each in _at_desk(installation, lambda desk: desk.show(chosen, min(limit, _SHOWN))):
            click.echo(_told(each))
        for (destination, reason), number in counted.items():
            click.echo(f"{destination}: {number} × {reason}")
        click.echo(f"{count} member(s) would be told again." if count else "There is nobody to tell again.")
        return
    if not yes:
        click.confirm(f"Have {count} member(s) told again?", abort=True)
    done = _at_desk(installation, lambda desk: desk.replay(chosen, author(given_author), limit))
    click.echo(f"{done} member(s) are told again.")


def _told(each: Prospect) -> str:
    name = f"{each.destination} {each.member}"
    if each.would in ("add", "remove"):
        return f"{name}: {each.would}, with {', '.join(each.fields) or 'no fields'}"
    if each.would == "unconfigured":
        return f"{name}: the destination is configured no more"
    if each.would == "unusable":
        return f"{name}: the account cannot be used: {each.detail}"
    words = Words("en")
    why = f"{words.reason(each.reason)} {each.detail}".strip()
    return f"{name}: nothing would be sent: {words.outcome(each.would)}, {why}"


def _at_desk(installation: Installation, ask: Callable[[MemberDesk], Any]) -> Any:
    async def asked() -> Any:
        try:
            return await ask(member_desk(installation))
        finally:
            await installation.aclose()

    return asyncio.run(asked())


def _open(folder: Path, data: Path | None, given: dict[str, Any]) -> tuple[Installation, MemberFilter]:
    chosen = MemberFilter(workspace=read_folder(folder).name, **given)
    return open_installation(folder, data), chosen
