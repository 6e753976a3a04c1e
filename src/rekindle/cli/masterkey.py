"""`rekindle masterkey`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from rekindle.cli._compose import open_installation, settings_for
from rekindle.cli._documents import author
from rekindle.cli._master_key import rewrap_master_key, wrap_master_key
from rekindle.cli._options import installation_options
from rekindle.engines.keys import KeyUnavailable
from rekindle.settings import SettingError, Settings


@click.group()
def command() -> None:
    """Wrap the master key with HashiCorp Vault's transit engine.

    `REKINDLE_VAULT_ADDR`, `REKINDLE_VAULT_TOKEN_FILE` and `REKINDLE_VAULT_KEY` name Vault, the file with a token and
    the wrapping key. `rekindle init` wraps a fresh master key by itself where they are set.
    """


@command.command("wrap")
@installation_options
def wrap(folder: Path, data: Path | None) -> None:
    """Replace a plain master key with one that only Vault opens. Copies of the plain one stay yours to destroy."""
    _change(folder, data, wrap_master_key, "wrap")


@command.command("rewrap")
@installation_options
def rewrap(folder: Path, data: Path | None) -> None:
    """Take the newest version of Vault's key, after it was rotated there. Running processes go on."""
    _change(folder, data, rewrap_master_key, "rewrap")


def _change(folder: Path, data: Path | None, change: Callable[[Settings], Path], action: str) -> None:
    try:
        path = change(settings_for(folder, data))
    except (KeyUnavailable, SettingError, OSError) as error:
        raise click.ClickException(str(error)) from None
    installation = open_installation(folder, data)
    try:
        installation.record("", author(None), f"masterkey.{action}", path.name)
    finally:
        installation.close()
    click.echo(f"{path} is written; the key itself is the same.")
