"""The accounts that a workspace has configured at platforms: destinations, and the feeds that are pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rekindle.egress.items import line_name
from rekindle.workspace import Workspace


class Configured(NamedTuple):
    """One enabled account. ``name`` is its lane's; ``connector`` a destination's kind, or the channel of a ``pushed`` feed."""

    name: str
    connector: str
    pushed: bool
    settings: Mapping[str, Any]


def configured(workspace: Workspace) -> Iterator[Configured]:
    """Yield the enabled accounts, by name, pushes last. Files that are delivered need no account of this kind."""
    for name, destination in sorted(workspace.destinations.items()):
        if destination.enabled:
            yield Configured(name, destination.kind, False, destination.settings)
    for name, feed in sorted(workspace.feeds.items()):
        if feed.push is not None and feed.push.enabled:
            # A channel may have a format after a slash; its platform is the same.
            yield Configured(line_name(name), feed.channel.partition("/")[0], True, feed.push.settings)
