"""What the commands of feeds share: their options, the workspace they are about, and errors as words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from rekindle import feeds
from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._options import installation_options
from rekindle.engines.blobs import BlobMissing, BlobsUnavailable
from rekindle.privacy.ledger import LedgerUnavailable
from rekindle.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

_KNOWN = (
    feeds.NothingToBuild, feeds.NothingToDeliver, feeds.NoTaxonomy, feeds.UnknownVersion, feeds.UnknownItem,
    feeds.UnknownChannel, feeds.RuleError, BlobMissing, BlobsUnavailable, LedgerUnavailable,
)  # fmt: skip


def feed_options(function: F) -> F:
    """Add the installation's options and ``--name`` (parameter ``name``)."""
    name = click.option("--name", help="The workspace's name, where the installation has several.")
    return installation_options(name(function))


@contextmanager
def opened(folder: Path, data: Path | None, name: str | None) -> Iterator[tuple[Installation, Workspace]]:
    """Open the installation and the workspace. Raises `click.ClickException`, also for what a feed cannot do."""
    installation = open_installation(folder, data)
    try:
        live = installation.workspaces()
        if name is None and len(live) != 1:
            names = ", ".join(sorted(live)) or "none; run `rekindle apply`"
            raise click.ClickException(f"name the workspace with --name; there are: {names}")
        workspace = live.get(name or next(iter(live)))
        if workspace is None:
            raise click.ClickException(f"there is no workspace {name!r}; there are: {', '.join(sorted(live))}")
        yield installation, workspace
    except _KNOWN as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()
