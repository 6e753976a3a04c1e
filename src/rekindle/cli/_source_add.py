"""`rekindle catalog sources`: where catalogues are read from, and setting one up."""

from __future__ import annotations

import asyncio
import random as jitter
import re
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rekindle.catalog import Item, Report, Walker, open_catalog
from rekindle.catalog.account import Account, AccountModule, Manifest, Scope
from rekindle.catalog.accounts import module_of, take_apart
from rekindle.catalog.inputs import FTPS, SFTP, SQL
from rekindle.catalog.origin import options_of
from rekindle.catalog.reading import sources
from rekindle.catalog.report import Refused
from rekindle.catalog.walker import WalkStopped
from rekindle.cli import _source_input
from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._destination_add import pairs
from rekindle.cli._destination_file import toml_lines
from rekindle.cli._documents import author, read_folder
from rekindle.cli._options import installation_options
from rekindle.egress.connector import SettingsError
from rekindle.egress.fetch import Fetcher
from rekindle.egress.http import HttpTransport
from rekindle.workspace import Source, Workspace

_TRY_MS: Final = 60_000
_SHOWN: Final = 5
_FILES: Final = ("private_key", "passphrase")
_WAYS: Final = {"sql": "a database", "sftp": "an SFTP server", "ftps": "an FTP server with TLS"}


@click.group("sources")
def sources_command() -> None:
    """List the accounts that catalogues are read from, or set one up."""


@sources_command.command("list")
def list_() -> None:
    """List the accounts there are, with their settings."""
    for name in sorted(sources()):
        if (module := module_of(name)) is None:
            continue
        click.echo(f"{name}: {module.TITLE}")
        _tell(module.manifest)
    for manifest in (SQL, SFTP, FTPS):
        click.echo(f"{manifest.name}: A catalogue from {_WAYS[manifest.name]}")
        _tell(manifest)


def _tell(manifest: Manifest) -> None:
    for setting in (*manifest.settings, *manifest.secrets):
        click.echo(f"  {setting.name}{' (required)' if setting.required else ''}: {setting.help}")


@sources_command.command("add")
@click.argument("name")
@click.option("--kind", help="A shop system of `catalog sources list`, sql, sftp, or a kind of file [default: NAME].")
@click.option("--location", help="Where it is, for what is no account; asked for where it is not given.")
@click.option("--column", "columns", multiple=True, metavar="FIELD=COLUMN", help="Where a table has a product field.")
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="A setting; what is not given is asked for.")
@click.option("--secret", "stored", multiple=True, metavar="KEY=NAME", help="Use a secret that is stored already.")
@click.option(
    "--secret-file", "files", multiple=True, metavar="KEY=FILE", help="Store a file as a secret: a private key."
)
@click.option("--every", default="1d", show_default=True, help="How often everything is read.")
@click.option("--try/--no-try", "tries", default=True, help="Read the first items before anything is written.")
@click.option("--author", "who", help="Who does this, for the ledger [default: your account's name].")
@installation_options
def add(
    name: str, kind: str | None, location: str | None, columns: tuple[str, ...], given: tuple[str, ...],
    stored: tuple[str, ...], files: tuple[str, ...], every: str, tries: bool, who: str | None, folder: Path, data: Path | None,
) -> None:  # fmt: skip
    """Set up source NAME: ask for its settings and secrets, read its first items, add it to catalog.toml.

    NAME or --kind is a shop system, `sql` (a query to a database), `sftp` or `ftps` (a server's file or folder) or `file`. Secrets are stored sealed and never written into the file. Nothing is live until `rekindle apply`.
    """
    workspace = read_folder(folder)
    module = module_of(kind or name)
    manifest = module.manifest if module else _source_input.manifest_for(kind or name)
    if manifest is None:
        known = ", ".join([*(one for one in sorted(sources()) if module_of(one)), "sql", "sftp", "ftps", "file"])
        raise click.ClickException(f"there is no shop system {kind or name!r}; name it with --kind: {known}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name) or any(one.name == name for one in workspace.catalog.source):
        raise click.ClickException(f"{name!r} cannot be a name, or catalog.toml has it already")
    click.echo(module.TITLE if module else f"A catalogue from {_WAYS.get(manifest.name, 'a file')}.")
    for number, step in enumerate(manifest.steps, 1):
        click.echo(f"  {number}. {step}")
    if manifest.unverified:
        click.secho(f"Not confirmed by a public document: {manifest.unverified}", fg="yellow")
    if module is None and location is None:
        words = _source_input.LOCATIONS[_source_input.way_of(manifest.name)]
        location = click.prompt(words, type=str).strip()
    options: dict[str, Any] = {key: _typed(text) for key, text in pairs(given).items()}
    for setting in manifest.settings:
        if setting.name in options or not (setting.required or (not module and _source_input.asked(manifest, setting))):
            continue
        words = f"{setting.name} ({setting.help})"
        if text := click.prompt(words, type=str, default=None if setting.required else "", show_default=False).strip():
            options[setting.name] = _typed(text)
    installation = open_installation(folder, data)
    try:
        held = pairs(stored) | _kept(installation, name, pairs(files), author(who))
        if module is not None or manifest.secrets:
            options |= _secrets(installation, manifest, name, held, author(who), needless=_local(location))
        source = Source(
            name=name, kind="auto" if manifest.name in ("sftp", "ftps", "file") else manifest.name, location=location or "",
            every=every, options=options, columns=pairs(columns),
        )  # fmt: skip
        if module is not None:
            account = _configured(installation, module, source)
            table: dict[str, Any] = {"name": name, "kind": source.kind, "every": every, "options": options}
            if tries:
                _try(installation, workspace, module, account, source)
        else:
            _source_input.checked(source)
            table = _source_input.table_of(source, source.columns)
            if tries:
                _show(_source_input.first_items(installation, workspace, source, folder, _SHOWN))
    finally:
        installation.close()
    path = folder / "catalog.toml"
    before = path.read_text(encoding="utf-8").rstrip() + "\n\n" if path.exists() else ""
    path.write_text(before + "\n".join(["[[source]]", *toml_lines(table)]) + "\n", encoding="utf-8")
    click.echo(
        f"Added it to {path}. Next: `rekindle plan`, `rekindle apply`, `rekindle catalog import --source {name}`."
    )


def _local(location: str | None) -> bool:
    """Return whether a location is a file of this machine, which asks for no password."""
    return location is not None and "://" not in location


def _typed(text: str) -> Any:
    if text.startswith("["):
        return [part.strip().strip("\"'") for part in text.strip("[]").split(",") if part.strip()]
    return int(text) if text.isascii() and text.isdecimal() and not text.startswith("0") else text


def _kept(installation: Installation, name: str, files: Mapping[str, str], who: str) -> dict[str, str]:
    """Store files as secrets, and return the names they have."""
    found = {}
    for key, file in files.items():
        try:
            found[key] = _store(installation, f"{name}_{key}", Path(file).expanduser().read_text("utf-8"), who)
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{file} cannot be read ({type(error).__name__}); nothing was written") from None
    return found


def _secrets(
    installation: Installation, manifest: Manifest, name: str, stored: Mapping[str, str], who: str, *, needless: bool
) -> dict[str, Any]:
    """Ask for the secrets that are not stored yet, and store them; an optional one may be left empty."""
    names = dict(stored)
    optional = [setting.name for setting in manifest.secrets if not setting.required]
    for setting in manifest.secrets:
        # Of several ways in, the first that is given is enough; a key of many lines comes as a file.
        if setting.name in names or (setting.name in optional[1:] and optional[0] in names):
            continue
        if setting.name == "password" and "private_key" in names:
            continue
        if needless or setting.name in _FILES:
            continue
        words = f"{setting.name} ({setting.help}{'' if setting.required else '; empty to leave it out'})"
        value = click.prompt(
            words, hide_input=True, default=None if setting.required else "", show_default=False
        ).strip()
        if value:
            names[setting.name] = _store(installation, f"{name}_{setting.name}", value, who)
    if manifest.hook_secret and "hook_secret" not in names:
        words = f"hook_secret ({manifest.hook_secret}; empty without webhooks)"
        value = click.prompt(words, hide_input=True, default="", show_default=False).strip()
        if value:
            names["hook_secret"] = _store(installation, f"{name}_hook_secret", value, who)
    return {key: {"secret": stored_as} for key, stored_as in names.items()}


def _store(installation: Installation, kept: str, value: str, who: str) -> str:
    installation.secrets.put(kept, value)
    installation.record("", who, "secret.set", kept)
    return kept


def _configured(installation: Installation, module: AccountModule, source: Source) -> Account:
    try:
        settings, names = take_apart(module.manifest, source.options)
        return module.configure(settings, {key: installation.secrets.get(stored) for key, stored in names.items()})
    except (SettingsError, LookupError) as error:
        raise click.ClickException(f"{error.args[0]}; nothing was written") from None


def _try(
    installation: Installation, workspace: Workspace, module: AccountModule, account: Account, source: Source
) -> None:
    """Read for a minute at most, and show what is there. Raises `click.ClickException` when the account cannot be read."""
    with tempfile.TemporaryDirectory(prefix="rekindle-try-") as work:
        file = Path(work) / "walk.jsonl"
        try:
            records = asyncio.run(_read(installation, module, account, file))
        except WalkStopped as stopped:
            raise click.ClickException(f"{stopped.words}; nothing was written") from None
        shown = _first(workspace, source, file) if records else []
    if not shown:
        click.echo(f"The account answers; {records} records in a minute, and no whole product among them yet.")
        return
    _show(shown)


def _show(shown: Sequence[Item]) -> None:
    if not shown:
        click.secho("It can be read, and there is no item in it yet.", fg="yellow")
        return
    table = Table("id", "title", "price", "availability", "link", box=None)
    for item in shown:
        product = item.product
        price = f"{product.price} {product.currency}" if product.price is not None else ""
        cells = (product.id, product.title, price, product.availability or "", product.link or "")
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


async def _read(installation: Installation, module: AccountModule, account: Account, file: Path) -> int:
    inside = installation.settings.allow_private_addresses
    async with HttpTransport(allow_private=inside) as transport:
        fetch = Fetcher(file.parent / "fetched", allow_private=inside)
        walker = Walker(transport, fetch, installation.clock, asyncio.sleep, jitter.random)
        start = walker.start(account, Scope())
        until = installation.clock() + _TRY_MS
        place = await walker.go(account, module.manifest, start, file, scope=Scope(), until_ms=until)
    return place.records


def _first(workspace: Workspace, source: Source, file: Path) -> list[Item]:
    try:
        with open_catalog(file, source.kind, options_of(source, workspace), Report()) as opened:
            return list(islice(opened.items(), _SHOWN))
    except Refused:
        return []
