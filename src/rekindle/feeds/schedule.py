"""Every feed of every workspace kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import sqlalchemy as sa

from rekindle.engines.blobs import BlobsUnavailable
from rekindle.engines.database.lease import LeaseLost
from rekindle.feeds.builder import FeedBuilder
from rekindle.workspace import Feed, Workspace


class FeedSchedule:
    """Keeps every feed of every workspace up to date; the scheduler loops `step`.

    A feed that cannot be built is reported to ``failed`` once for each recipe; the others go on.
    """

    def __init__(
        self,
        builder: FeedBuilder,
        workspaces: Callable[[], Iterable[Workspace]],
        failed: Callable[[str, str, Exception], None],
    ) -> None:
        self._builder = builder
        self._workspaces = workspaces
        self._failed = failed
        self._given_up: dict[tuple[str, str], tuple[Feed, str]] = {}

    async def step(self) -> int:
        """Build what is due; return how many versions were made."""
        return await asyncio.to_thread(self._step)

    def _step(self) -> int:
        made = 0
        for workspace in self._workspaces():
            for name, document in workspace.feeds.items():
                made += self._one(workspace, name, document)
        return made

    def _one(self, workspace: Workspace, name: str, document: Feed) -> int:
        key, state = (workspace.name, name), (document, self._builder.snapshot_digest(workspace.name))
        if self._given_up.get(key) == state:
            return 0
        try:
            if not self._builder.due(workspace, name):
                self._builder.settle(workspace.name, name)
                return 0
            self._builder.build(workspace, name)
        except (LeaseLost, sa.exc.DBAPIError, BlobsUnavailable):
            raise  # no fault of the feed; it is due again when the stores are there, or another scheduler's
        except Exception as error:  # noqa: BLE001 - one shop's feed must not stop another's
            self._given_up[key] = state
            self._failed(workspace.name, name, error)
            return 0
        self._given_up.pop(key, None)
        return 1
