"""The desk of categories: what a shop's categories are sent as, and what another mapping would change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from rekindle.feeds.builder import NothingToBuild
from rekindle.feeds.categories import ShopCategory, categories
from rekindle.feeds.examples import failed_examples
from rekindle.feeds.performance import recent
from rekindle.feeds.previewing import Preview, preview
from rekindle.model.clock import Clock
from rekindle.model.ports import Performance, Snapshot, Snapshots
from rekindle.workspace import Feed, Workspace


class CategoryDesk:
    """Reads the live catalogue, one question at a time: each runs rules over all of it. ``folder`` is for files under way."""

    def __init__(
        self, snapshots: Snapshots, performance: Performance | None, clock: Clock, folder: Path | None = None
    ) -> None:
        self._snapshots, self._performance, self._clock, self._folder = snapshots, performance, clock, folder
        self._one_at_a_time = threading.Lock()

    def shown(self, workspace: Workspace, feed: str, language: str, limit: int) -> list[ShopCategory]:
        """Return the shop's largest categories. Raises `NothingToBuild`, `NoTaxonomy`, `UnknownChannel`, `RuleError`."""
        document, snapshot = self._known(workspace, feed)
        counts = recent(document, self._performance, workspace.name, self._clock())
        with self._one_at_a_time:
            return categories(snapshot, document, language, limit, counts)

    def preview(self, workspace: Workspace, feed: str, changed: Feed, limit: int = 20) -> tuple[Preview, Sequence[str]]:
        """Return what a changed feed would publish otherwise, and which examples of its rules fail. Raises as `shown`."""
        document, snapshot = self._known(workspace, feed)
        counts = recent(changed, self._performance, workspace.name, self._clock())
        with self._one_at_a_time:
            return preview(snapshot, document, changed, self._folder, limit, counts), failed_examples(changed)

    def _known(self, workspace: Workspace, feed: str) -> tuple[Feed, Snapshot]:
        document, snapshot = workspace.feeds.get(feed), self._snapshots.current(workspace.name)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        if document is None:
            raise NothingToBuild(f"workspace {workspace.name} has no feed {feed!r}")
        if snapshot is None:
            raise NothingToBuild(f"workspace {workspace.name} has no catalogue yet; run `rekindle catalog import`")
        return document, snapshot
