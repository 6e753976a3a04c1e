"""The desk of quality: makes each report when asked, and keeps the newest ones up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import versions
from rekindle.feeds.builder import NothingToBuild
from rekindle.feeds.quality import reports
from rekindle.feeds.quality.drift import DriftCheck, Drifted, DriftReport
from rekindle.feeds.quality.freshness import FreshnessCheck, FreshnessReport, ItemAge
from rekindle.feeds.quality.ids import IdCheck, IdReport, Miss
from rekindle.feeds.quality.reports import DAY_MS, Day, Reports
from rekindle.feeds.status import findings
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock
from rekindle.model.ports import ItemAges, Sightings, Snapshot, Snapshots
from rekindle.workspace import Feed, Workspace, duration_ms

_EVERY_MS = 15 * 60_000
_AFTER_A_VERSION_MS = 60_000
_LISTED = 200
"""Items that a kept report lists; a command or an export lists all."""


class _Live(NamedTuple):
    document: Feed
    version: FeedVersion
    since_ms: int


class QualityDesk:
    """``folder`` is for files under way."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        snapshots: Snapshots,
        seen: Sightings,
        ages: ItemAges,
        clock: Clock,
        folder: Path | None = None,
    ) -> None:
        self._database, self._snapshots, self._clock = database, snapshots, clock
        self._ids = IdCheck(database, blobs, seen, folder)
        self._drift = DriftCheck(blobs, seen, ages, folder)
        self._freshness = FreshnessCheck(database, blobs, ages, folder)
        self._failed: dict[tuple[str, str], int] = {}
        self._log = structlog.get_logger("quality")

    def ids(self, workspace: Workspace, feed: str, limit: int | None = None) -> IdReport:
        """Compare a day's ids with a feed. Raises `NothingToBuild` when nothing is published, and `BlobMissing`."""
        live = self._live(workspace, feed)
        return self._ids.report(live.document, live.version, self._snapshot(workspace), self._clock(), limit)

    def misses(self, workspace: Workspace, feed: str) -> Iterator[Miss]:
        """Yield every id that a day's pages sent and a feed does not hold. Raises as `ids`."""
        return self._ids.misses(self._live(workspace, feed).version, self._snapshot(workspace), self._clock())

    def _snapshot(self, workspace: Workspace) -> Snapshot:
        snapshot = self._snapshots.current(workspace.name)
        if snapshot is None:
            raise NothingToBuild(f"workspace {workspace.name} has no catalogue yet; run `rekindle catalog import`")
        return snapshot

    def drift(self, workspace: Workspace, feed: str, limit: int | None = None) -> DriftReport:
        """Compare the last hours' prices with a feed. Raises as `ids`."""
        live = self._live(workspace, feed)
        return self._drift.report(live.version, workspace.quality, workspace.shop.currency, self._clock(), limit)

    def drifted(self, workspace: Workspace, feed: str) -> Iterator[Drifted]:
        """Yield every item of a feed whose price or stock differs from what pages showed. Raises as `ids`."""
        live = self._live(workspace, feed)
        return self._drift.items(live.version, workspace.quality, workspace.shop.currency, self._clock())

    def freshness(self, workspace: Workspace, feed: str) -> FreshnessReport:
        """Return how old a feed's prices and stocks are. Raises as `ids`."""
        live = self._live(workspace, feed)
        return self._freshness.report(
            live.version, live.since_ms, duration_ms(live.document.fresh_within), self._clock()
        )

    def ages(self, workspace: Workspace, feed: str, item_id: str | None = None) -> Iterator[ItemAge]:
        """Yield the ages of a feed's items, or of the catalogue's ``item_id`` alone. Raises as `ids`."""
        live = self._live(workspace, feed)
        return self._freshness.items(live.version, live.since_ms, self._clock(), item_id)

    def refresh(self, workspace: Workspace, feed: str) -> Reports:
        """Make the reports of one feed anew, keep and return them. Raises as `ids`."""
        ids = self.ids(workspace, feed, _LISTED)
        drift = self.drift(workspace, feed, _LISTED)
        fresh = self.freshness(workspace, feed)
        counts = {"block": 0, "limit": 0, "warning": 0}
        for finding in findings(self._database, workspace.name, feed):
            counts[finding.severity] += finding.count
        now, last = self._clock(), fresh.farthest
        day = Day(
            day_ms=now // DAY_MS * DAY_MS, items=fresh.items, **counts,
            events=ids.events, matched=ids.matched_events, compared=drift.compared, drifted=drift.drifted,
            late=last.late, oldest_ms=max(last.price.oldest_ms, last.stock.oldest_ms),
        )  # fmt: skip
        with self._database.begin() as connection:
            reports.keep(connection, workspace.name, "ids", ids, now)
            reports.keep(connection, workspace.name, "drift", drift, now)
            reports.keep(connection, workspace.name, "freshness", fresh, now)
            reports.keep_day(connection, workspace.name, feed, day)
        return Reports(ids, drift, fresh, now, fresh.version)

    def step(self, workspaces: Iterable[Workspace]) -> int:
        """Refresh what is older than a quarter of an hour, or of another version than the live one; return how many."""
        done = 0
        for workspace in workspaces:
            kept = reports.newest(self._database, workspace.name)
            for feed in sorted(workspace.feeds):
                done += self._due(workspace, feed, kept.get(feed)) and self._tried(workspace, feed)
        return done

    def _due(self, workspace: Workspace, feed: str, kept: Reports | None) -> bool:
        now = self._clock()
        if now - self._failed.get((workspace.name, feed), -_EVERY_MS) < _EVERY_MS:
            return False
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace.name, feed)
        if pointer is None:
            return False
        if kept is None or kept.at_ms is None:
            return True
        wait = _EVERY_MS if kept.version == pointer[0].version else _AFTER_A_VERSION_MS
        return now - kept.at_ms >= wait

    def _tried(self, workspace: Workspace, feed: str) -> int:
        """One feed that cannot be compared (a file of it is lost) must not keep the others from it."""
        try:
            self.refresh(workspace, feed)
        except (NothingToBuild, BlobMissing) as error:
            self._failed[workspace.name, feed] = self._clock()
            self._log.warning("feed cannot be compared", workspace=workspace.name, feed=feed, error=str(error))
            return 0
        return 1

    def _live(self, workspace: Workspace, feed: str) -> _Live:
        document = workspace.feeds.get(feed)
        if document is None:
            names = ", ".join(sorted(workspace.feeds)) or "none"
            raise NothingToBuild(f"workspace {workspace.name} has no feed {feed!r}; it has: {names}")
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace.name, feed)
        if pointer is None:
            raise NothingToBuild(f"feed {feed} is not published yet; `rekindle feeds build {feed}` does it")
        return _Live(document, *pointer)
