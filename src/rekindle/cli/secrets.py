"""`rekindle secrets`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from rekindle.cli._compose import open_installation
from rekindle.cli._options import installation_options


@click.group()
def command() -> None:
    """Keep the tokens that destinations need, sealed with the installation's master key."""


@command.command("set")
@installation_options
@click.argument("name")
def set_secret(folder: Path, data: Path | None, name: str) -> None:
    """Store secret NAME; the value is asked for, or read from standard input, never taken from the command line."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_/-]{0,99}", name):
        raise click.ClickException(f"{name!r} cannot be a secret's name; use lower-case letters, digits, _ - and /")
    typed = sys.stdin.isatty()
    value = click.prompt(f"Value of {name}", hide_input=True) if typed else sys.stdin.read().rstrip("\n")
    if not value:
        raise click.ClickException("the value is empty; nothing was stored")
    installation = open_installation(folder, data)
    try:
        installation.secrets.put(name, value)
        installation.record("", "cli", "secret.set", name)
    finally:
        installation.close()
    click.echo(f"{name} is stored.")


@command.command("list")
@installation_options
def list_secrets(folder: Path, data: Path | None) -> None:
    """List the names of the secrets there are; never their values."""
    installation = open_installation(folder, data)
    try:
        for name in installation.secrets.names():
            click.echo(name)
    finally:
        installation.close()
