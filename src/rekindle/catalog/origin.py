"""What the workspace says about a source, for those who read it."""

from __future__ import annotations

from pathlib import Path

from rekindle.catalog import _guards
from rekindle.catalog.row import Options
from rekindle.egress.fetch import shown
from rekindle.workspace import Source, Workspace


def options_of(source: Source, workspace: Workspace) -> Options:
    """Return what the workspace says about a source, for its reader."""
    return Options(
        currency=source.currency or workspace.shop.currency,
        link_base=source.link_base,
        columns=source.columns,
        extra=source.options,
    )


def is_address(location: str) -> bool:
    """Return whether a source's location is fetched, not opened."""
    return "://" in location


def place_of(source: Source) -> str:
    """Return the source's location for messages: without secrets and folders, or its kind when that is an account."""
    if not source.location:
        return source.kind
    return shown(source.location) if is_address(source.location) else Path(source.location).name


def max_shrink(source: Source) -> float:
    """Return the share of items that may be missing before an import is held."""
    value = source.options.get("max_shrink", _guards.MAX_SHRINK)
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else _guards.MAX_SHRINK
