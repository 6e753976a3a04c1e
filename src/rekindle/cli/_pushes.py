"""Composes the push of feeds, for the scheduler and for commands."""

from __future__ import annotations

import random as jitter
from collections.abc import Callable, Iterable

from rekindle.cli._compose import Installation
from rekindle.egress.http import HttpTransport
from rekindle.egress.send import Door
from rekindle.feeds.push import FeedPusher
from rekindle.workspace import Workspace


def feed_pusher(
    installation: Installation, transport: HttpTransport, workspaces: Callable[[], Iterable[Workspace]]
) -> FeedPusher:
    """Return what pushes the feeds of ``workspaces``."""
    return FeedPusher(
        installation.database,
        installation.blobs,
        Door(transport, installation.ledger, installation.clock),
        workspaces,
        installation.credentials(transport).get,
        installation.clock,
        jitter.random,
        installation.settings.data / "work",
    )
