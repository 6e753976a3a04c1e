"""Who a request is about: asked for without leaving the person's data in shells' histories, and looked up."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from rekindle.cli._compose import Installation, one_workspace, open_installation
from rekindle.cli._history import WholeLog
from rekindle.cli._options import installation_options
from rekindle.privacy.keys import KeyUnusable
from rekindle.privacy.ledger import LedgerUnavailable
from rekindle.privacy.pseudonyms import canonical
from rekindle.privacy.subjects import Person, find
from rekindle.privacy.subjects.export import Dossier, gather
from rekindle.privacy.vault import VaultUnavailable

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_PSEUDONYM = re.compile(r"s[1-9][0-9]{0,2}_[a-z2-7]{26}")


class Asked(msgspec.Struct, frozen=True):
    """Who is meant. ``identifier`` is kind and canonical value, where the person was named by one."""

    workspace: str
    region: str
    subject: str
    kind: Any
    identifier: tuple[str, str] | None


def who(function: F) -> F:
    """Add the argument and options that say who is meant."""
    for option in (
        click.argument("subject", required=False),
        click.option(
            "--kind", type=click.Choice(["email", "phone", "user_id", "cookie"]), default="email", show_default=True,
            help="What the identifier is that is asked for.",
        ),
        click.option("--stdin", "stdin", is_flag=True, help="Read the identifier from standard input."),
        click.option("--for", "workspace", help="The workspace's name [default: the only one]."),
        installation_options,
    ):  # fmt: skip
        function = option(function)
    return function


def run(given: dict[str, Any], work: Callable[[Installation, Asked], Awaitable[T]]) -> T:
    """Do a command's work for whom it asks about, in words where it cannot be done. Raises `click.ClickException`."""
    installation = open_installation(given["folder"], given["data"])

    async def open_and_work() -> T:
        try:
            return await work(installation, read_asked(installation, given))
        except (LedgerUnavailable, VaultUnavailable, KeyUnusable) as error:
            raise click.ClickException(f"{error}; nothing more was done, do it again") from None
        finally:
            await installation.aclose()

    return asyncio.run(open_and_work())


def read_asked(installation: Installation, given: dict[str, Any]) -> Asked:
    """Return who is meant: the pseudonym given, or the identifier that is read. Raises `click.ClickException`."""
    workspace = one_workspace(installation, given["workspace"])
    region = installation.workspaces()[workspace].shop.country
    subject, kind = given["subject"], given["kind"]
    if subject:
        if not _PSEUDONYM.fullmatch(subject):
            raise click.UsageError(
                "SUBJECT is a pseudonym such as s1_…; anything else is asked for, or read with --stdin"
            )
        return Asked(workspace, region, subject, "pseudonym", None)
    raw = sys.stdin.readline().rstrip("\n") if given["stdin"] else click.prompt(kind, err=True)
    try:
        value = canonical(kind, raw, region)
        return Asked(
            workspace,
            region,
            installation.pseudonymiser.subject(workspace, kind, raw, region=region),
            kind,
            (kind, value),
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None


async def look(installation: Installation, asked: Asked) -> tuple[Person, Dossier]:
    """Find the person's pseudonyms, and everything that is known of them."""
    log = WholeLog(installation)
    person = await find(log, installation.clock, asked.workspace, asked.subject, asked.kind, installation.pseudonymiser)
    return person, await gather(log, installation.database, installation.vault, installation.clock, person)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read. Raises `click.ClickException` where it is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already; name a new file") from None
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
