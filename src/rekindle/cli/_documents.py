"""Read a workspace's folder for a command, with every fault told, and show differences."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from rekindle.catalog import accounts
from rekindle.catalog.inputs import check
from rekindle.catalog.options import check_values
from rekindle.egress.connector import SettingsError
from rekindle.egress.options import take_apart, try_settings
from rekindle.engines.secrets import SecretMissing, Secrets
from rekindle.feeds import delivery_problems
from rekindle.feeds.push import PushRefused, platform_of
from rekindle.model.discover import discover
from rekindle.privacy.classification import stays, unclassified
from rekindle.workspace import Change, Versions, Workspace, WorkspaceError, load_folder
from rekindle.workspace.elsewhere import undone


def read_folder(folder: Path) -> Workspace:
    """Return the folder's documents. Raises `click.ClickException` with all problems."""
    try:
        workspace = load_folder(folder)
        problems = unknown_kinds(workspace)
        if problems:
            raise WorkspaceError(problems)
    except WorkspaceError as error:
        raise click.ClickException("the workspace cannot be used:\n  " + "\n  ".join(error.problems)) from None
    return workspace


def missing_secrets(workspace: Workspace, secrets: Secrets) -> list[str]:
    """Return a line for each setting that names a secret which is not stored: it may still come."""
    places = [
        *(
            (f"catalog.toml: source {source.name!r}: options", source.options, "nothing is read with it")
            for source in workspace.catalog.source
        ),
        *(
            (f"destinations/{name}.toml: settings", destination.settings, f"{name} is held and its events wait")
            for name, destination in workspace.destinations.items()
        ),
        *(
            (f"feeds/{name}.toml: push.settings", feed.push.settings, f"{name} is published and not pushed")
            for name, feed in workspace.feeds.items()
            if feed.push is not None
        ),
    ]
    found: list[str] = []
    for name, feed in workspace.feeds.items():
        for delivery in feed.delivery:
            for key, secret in delivery.secrets.items():
                try:
                    secrets.get(secret)
                except SecretMissing:
                    found.append(
                        f"feeds/{name}.toml: delivery {delivery.name!r}: {key}: there is no secret {secret!r} that can"
                        f" be read; run `rekindle secrets set {secret}`. Until then nothing is delivered by it."
                    )
    for place, settings, until in places:
        for key, value in settings.items():
            if not (isinstance(value, dict) and isinstance(wanted := value.get("secret"), str)):
                continue
            try:
                secrets.get(wanted)
            except SecretMissing:
                found.append(
                    f"{place}: {key}: there is no secret {wanted!r} that can be read; run `rekindle secrets set {wanted}`."
                    f" Until then {until}."
                )
    return found


def unknown_kinds(workspace: Workspace) -> list[str]:
    """Return a problem for each source, channel or destination kind that no connector offers."""
    named = [
        *(
            (f"catalog.toml: source {source.name!r}: kind", source.kind, "rekindle.catalog.sources")
            for source in workspace.catalog.source
            if source.kind != "auto"
        ),
        *(
            (f"feeds/{name}.toml: channel", feed.channel, "rekindle.feeds.channels")
            for name, feed in workspace.feeds.items()
        ),
        *(
            (f"destinations/{name}.toml: kind", destination.kind, "rekindle.destinations")
            for name, destination in workspace.destinations.items()
        ),
    ]
    problems = []
    for place, kind, package in named:
        known = discover(package)
        if kind not in known:
            why = known.set_aside.get(kind, f"there are: {', '.join(sorted(known))}")
            problems.append(f"{place} = {kind!r} is not known; {why}")
    return problems or wrong_settings(workspace)


def wrong_settings(workspace: Workspace) -> list[str]:
    """Return a problem for each destination whose settings its connector cannot use, or whose fields have no class."""
    connectors = discover("rekindle.destinations")
    problems = wrong_sources(workspace) + delivery_problems(workspace) + wrong_pushes(workspace)
    for name, destination in workspace.destinations.items():
        manifest = connectors[destination.kind].manifest
        if (manifest.kind == "audience") != (destination.audience is not None):
            wants = (
                "names no audience; write audience ="
                if manifest.kind == "audience"
                else "takes events; remove audience ="
            )
            problems.append(f"destinations/{name}.toml: {destination.kind} {wants} …")
        try:
            parts = take_apart(manifest, destination.settings)
            try_settings(connectors[destination.kind], parts)
        except SettingsError as error:
            problems.append(f"destinations/{name}.toml: settings: {error}")
            continue
        if unknown := unclassified(manifest.fields):
            problems.append(
                f"destinations/{name}.toml: kind: {destination.kind} asks for {', '.join(unknown)}, which no field of an "
                "event is; its connector must name fields that rekindle.privacy.classification lists"
            )
        elif needless := stays(manifest.fields, manifest.purposes):
            problems.append(
                f"destinations/{name}.toml: kind: {destination.kind} asks for {', '.join(needless)}, which may not leave "
                f"for its purposes ({', '.join(sorted(manifest.purposes)) or 'none'})"
            )
    return problems


def wrong_pushes(workspace: Workspace) -> list[str]:
    """Return a problem for each feed whose items cannot be pushed as it says."""
    problems = []
    for name, feed in workspace.feeds.items():
        try:
            if feed.push is not None:
                platform_of(feed)
        except PushRefused as error:
            problems.append(f"feeds/{name}.toml: {error}")
    return problems


def wrong_sources(workspace: Workspace) -> list[str]:
    """Return a problem for each source that says too little, or what its account cannot use."""
    problems = []
    for source in workspace.catalog.source:
        place = f"catalog.toml: source {source.name!r}"
        module = accounts.module_of(source.kind)
        try:
            if module is not None:
                accounts.take_apart(module.manifest, source.options)
            elif not source.location:
                problems.append(f"{place}: location is missing; name a file or an address")
            else:
                check(source)
            check_values(source.kind, source.options)
            if "hook_secret" in source.options:
                accounts.secret_name(source.kind, "hook_secret", source.options["hook_secret"])
        except SettingsError as error:
            problems.append(f"{place}: options: {error}")
    return problems


def show_changes(changes: Sequence[Change]) -> None:
    """Print one line for each changed value."""
    colours = {"+": "green", "-": "red", "~": "yellow"}
    for change in changes:
        match change.sign:
            case "+":
                text = f"+ {change.path} = {_short(change.after)}"
            case "-":
                text = f"- {change.path} = {_short(change.before)}"
            case _:
                text = f"~ {change.path}: {_short(change.before)} → {_short(change.after)}"
        click.secho("  " + text, fg=colours[change.sign])


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 100 else text[:99] + "…"


def lost_changes(versions: Versions, live: Workspace | None, wanted: Workspace) -> list[str]:
    """Return a line for each change made in the console that the files would undo."""
    lost = undone(versions.from_folder(wanted.name), live, wanted) if live is not None else []
    return [f"{change.sign} {change.path} = {_short(change.after)}" for change in lost]


def author(given: str | None) -> str:
    """Return who does this: ``--author``, or the account's name."""
    return given or getpass.getuser()
