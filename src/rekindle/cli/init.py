"""`rekindle init`."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import click

from rekindle.cli import _compose
from rekindle.workspace import scaffold
from rekindle.workspace.access import ApiKeys, NameTaken, Users, WeakPassword
from rekindle.workspace.load import WorkspaceError, load_folder


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="The workspace's short name, in URLs and metrics [default: the folder's name].")
@click.option("--title", help="The shop's name as people know it [default: the short name].")
@click.option("--origin", default="http://127.0.0.1:8000", show_default=True, help="Origin of the shop's pages.")
@click.option("--country", default="PL", show_default=True, help="ISO 3166 country of the shop.")
@click.option("--currency", default="PLN", show_default=True, help="ISO 4217 currency of its prices.")
@click.option("--language", default="en", show_default=True, help="Language of its ads: en or pl.")
@click.option("--catalog", default="products.csv", show_default=True, help="File or URL of the catalogue.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder [default: FOLDER/data].")
@click.option("--owner", default="owner", show_default=True, help="Name of the first console user.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the first password from a file [default: make one and print it once].",
)
def command(
    folder: Path,
    name: str | None,
    title: str | None,
    origin: str,
    country: str,
    currency: str,
    language: str,
    catalog: str,
    data: Path | None,
    owner: str,
    password_file: Path | None,
) -> None:
    """Set up a new shop in FOLDER: its files, keys, a console user and an API key.

    Existing files are kept. Nothing is live until `rekindle apply`.
    """
    short = name or re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-_")
    words = {
        "name": short,
        "title": title or short,
        "origin": origin.rstrip("/"),
        "country": country,
        "currency": currency,
        "language": language,
        "catalog": catalog,
        "headline": "Wciąż myślisz?" if language == "pl" else "Still thinking?",
    }
    written = scaffold(folder, words)
    try:
        workspace = load_folder(folder).name
    except WorkspaceError as error:
        raise click.ClickException("the workspace cannot be used:\n  " + "\n  ".join(error.problems)) from None
    settings = _compose.settings_for(folder, data)
    _compose.create(settings)
    written += _unversioned(folder, settings.data)
    installation = _compose.open_installation(folder, data)
    try:
        password, shown = _first_password(password_file)
        _first_user(installation, workspace, owner, password, shown)
        keys = ApiKeys(installation.database, installation.clock)
        first_key = None if keys.of(workspace) else keys.create(workspace, "first", {"events:write"}, owner).text
        installation.record(workspace, owner, "workspace.init", short)
    finally:
        installation.close()
    click.echo(f"Wrote {len(written)} file(s) to {folder}; data and keys are in {settings.data}.")
    if first_key is not None:
        click.echo(f"API key for server events (shown once): {first_key}")
    where = f"-w {folder}" if data is None else f"-w {folder} --data {data}"
    click.echo(f"Next: edit the files, then `rekindle apply {where}` and `rekindle serve {where}`.")


def _unversioned(folder: Path, data: Path) -> list[Path]:
    """Keep the data folder out of the repository that the files may be in: the master key is there."""
    ignore, inside = folder / ".gitignore", data.resolve()
    if ignore.exists() or not inside.is_relative_to(folder.resolve()):
        return []
    place = inside.relative_to(folder.resolve()).as_posix()
    ignore.write_text(
        f"# Keys, events and state. The files beside it may be shared; this may not.\n/{place}/\n", encoding="utf-8"
    )
    return [ignore]


def _first_password(file: Path | None) -> tuple[str, bool]:
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\n"), False
    return secrets.token_urlsafe(15), True


def _first_user(installation: _compose.Installation, workspace: str, owner: str, password: str, shown: bool) -> None:
    users = Users(installation.database, installation.clock)
    try:
        user = users.create(owner, password, {workspace: "owner"})
    except NameTaken:
        existing = users.find(owner)
        if existing is not None:
            users.grant(existing.id, workspace, "owner")
        click.echo(f"Console user {owner!r} is there already and keeps its password.")
        return
    except WeakPassword as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Console user {user.name!r}" + (f" with password (shown once): {password}" if shown else " is made."))
