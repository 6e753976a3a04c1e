"""What the set-up dialogue can know without asking: the feed, the country of telephone numbers, what a typo meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

import click

from rekindle.egress.connector import Manifest
from rekindle.egress.options import LaneOptions
from rekindle.workspace import Workspace


def feed_of(manifest: Manifest, workspace: Workspace, given: str | None) -> str | None:
    """Return the feed whose ids the platform knows: the one that was named, else the only one of its channel."""
    if given is not None:
        if given not in workspace.feeds:
            known = ", ".join(workspace.feeds) or "none"
            raise click.ClickException(f"there is no feed {given!r}; there are: {known}")
        return given
    if not any(field.partition(".")[0] == "ecommerce" for field in manifest.fields):
        return None
    # Channels and platforms of one company begin alike: google_merchant and google_data_manager.
    company = manifest.name.partition("_")[0]
    found = [name for name, feed in workspace.feeds.items() if feed.channel.partition("_")[0] == company]
    if len(found) == 1:
        click.echo(f"Feed {found[0]}: its ids are the ones that {manifest.title} knows. (Another with --feed.)")
        return found[0]
    if found:
        click.secho(f"Name the feed whose ids it knows with --feed: {', '.join(found)}", fg="yellow")
    return None


def with_country(manifest: Manifest, workspace: Workspace, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings, with the shop's country for telephone numbers where the platform wants one and none is told."""
    takes = any(setting.name == "default_region" for setting in manifest.settings)
    return ({"default_region": workspace.shop.country} if takes else {}) | dict(settings)


def refuse_unknown(manifest: Manifest, given: Collection[str]) -> None:
    """Refuse settings that the platform has not, before anything is asked or stored."""
    known = {setting.name for setting in manifest.settings} | set(LaneOptions.__struct_fields__)
    for name in given:
        if name not in known:
            raise click.ClickException(
                f"{manifest.name}: unknown setting {name!r}{meant(name, known)}; there are "
                f"{', '.join(sorted(setting.name for setting in manifest.settings))}; nothing was written"
            )


def meant(word: str, known: Collection[str]) -> str:
    """Return what a mistyped word may have meant, to stand behind it; "" where nothing is near."""
    found = get_close_matches(word.lower(), known, 1, 0.6)
    return f" (did you mean {found[0]}?)" if found else ""
