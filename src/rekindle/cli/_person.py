"""Who is at the keyboard: a console user with their password, where it must be certain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rekindle.cli._compose import Installation
from rekindle.workspace.access import LoginRefused, LoginThrottled, PasswordLogin, Users, can

F = TypeVar("F", bound=Callable[..., Any])


def person_options(function: F) -> F:
    """Add ``--user NAME`` and ``--password-file FILE``."""
    function = click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read the console password from a file [default: ask].",
    )(function)
    return click.option("--user", help="Your name in the console [default: ask].")(function)


def person(installation: Installation, workspace: str, user: str | None, password_file: Path | None) -> str:
    """Return the console user's name after checking the password and the right to publish.

    Raises `click.ClickException`.
    """
    name = user or str(click.prompt("Console user"))
    password = (
        password_file.read_text(encoding="utf-8").rstrip("\n")
        if password_file is not None
        else str(click.prompt("Password", hide_input=True))
    )
    users = Users(installation.database, installation.clock)
    try:
        found = PasswordLogin(installation.database, users, installation.clock).authenticate(name, password, "cli")
    except (LoginRefused, LoginThrottled) as error:
        raise click.ClickException(f"{name}: {error}") from None
    if not can(found.roles.get(workspace, ""), "publish"):
        raise click.ClickException(f"{found.name} may not publish in {workspace}")
    return found.name
