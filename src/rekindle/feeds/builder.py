"""Build feeds: snapshot, rules, checks, file, version; never in a reader's request."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import msgspec

from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _sql, versions
from rekindle.feeds.building import Build
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.deltas import Deltas, Step
from rekindle.feeds.guards import held_reason
from rekindle.feeds.performance import day, products, recent, uses_performance
from rekindle.feeds.program import basis, compile_feed, recipe
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock
from rekindle.model.ports import Performance, Snapshot, Snapshots
from rekindle.workspace import Feed, Workspace


class NothingToBuild(LookupError):
    """The feed is unknown, or no catalogue has been imported."""


def _some(table: str, ids: str) -> str:
    return f"SELECT * FROM {table} WHERE id IN ({ids})"


class FeedBuilder:
    """Builds versions and moves the pointer that readers follow.

    ``performance`` is for feeds whose rules ask what visitors did. ``folder`` is for files under way; ``memory_limit`` bounds the table engine, which spills there.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        snapshots: Snapshots,
        clock: Clock,
        folder: Path | None = None,
        memory_limit: str = _sql.MEMORY_LIMIT,
        performance: Performance | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._snapshots = snapshots
        self._clock = clock
        self._folder = folder
        self._memory_limit = memory_limit
        self._performance = performance
        self._deltas = Deltas(database, blobs, clock, folder, memory_limit)

    def build(self, workspace: Workspace, feed: str) -> FeedVersion:
        """Build one feed and publish it, or hold it back with a reason.

        Raises `NothingToBuild`, `RuleError`, `UnknownChannel`. Nothing that is published changes on an error.
        """
        document = workspace.feeds.get(feed)
        if document is None:
            names = ", ".join(sorted(workspace.feeds)) or "none"
            raise NothingToBuild(f"workspace {workspace.name} has no feed {feed!r}; it has: {names}")
        snapshot = self._snapshots.current(workspace.name)
        if snapshot is None:
            raise NothingToBuild(f"workspace {workspace.name} has no catalogue yet; run `rekindle catalog import`")
        program = compile_feed(document)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="feed-") as name:
            work = Path(name)
            with _sql.connect(work, self._memory_limit) as connection:
                counts = recent(document, self._performance, workspace.name, self._clock())
                table = products(connection, snapshot, counts, work)
                # What is looked up by id needs no order, which costs where a snapshot has a patch.
                some = snapshot.some if counts is None else partial(_some, table)
                build = Build(connection, self._blobs, program.over(snapshot.base), table, work, some)
                version, step = self._record(build, program.channel, snapshot, workspace, feed, document, work)
            # Before old versions go: the one that was live may be among them.
            self._deltas.settle(workspace.name, feed, step)
        with self._database.begin() as transaction:
            freed = versions.trim(transaction, workspace.name, feed, document.keep_versions)
        if freed:
            # A transaction of its own: nobody may publish the same bytes again between the question and the removal.
            with self._database.begin() as transaction:
                for digest in versions.unused(transaction, freed):
                    self._blobs.remove(digest)
        return version

    def _record(
        self,
        build: Build,
        channel: Channel,
        snapshot: Snapshot,
        workspace: Workspace,
        feed: str,
        document: Feed,
        work: Path,
    ) -> tuple[FeedVersion, Step | None]:
        shop = workspace.shop
        link = shop.origins[0] if shop.origins else ""
        now = self._clock()
        with self._database.read() as connection:
            last = versions.newest(connection, workspace.name, feed)
        # What visitors did with items changes without the catalogue.
        same = last is not None and not uses_performance(document)
        changed = (
            self._snapshots.changed(workspace.name, last.snapshot, snapshot.digest, work) if last and same else None
        )
        built = build.run(Head(shop.title, link, shop.language), basis(document), last, changed)
        with self._database.begin() as connection:
            last = versions.newest(connection, workspace.name, feed)
            pointer = versions.live(connection, workspace.name, feed)
            version = FeedVersion(
                workspace=workspace.name, feed=feed, version=last.version + 1 if last else 1, channel=channel.name,
                recipe=recipe(document, snapshot.digest + day(document, now)), snapshot=snapshot.digest,
                spec=channel.spec.version, created_ms=now, **built.fields,
            )  # fmt: skip
            shocked = build.price_shock(built.items, pointer[0], version.items) if pointer else 0.0
            reason = held_reason(document, version, built.repeated, pointer[0] if pointer else None, shocked)
            version = msgspec.structs.replace(version, held_reason=reason)
            versions.store(connection, version, built.findings)
            if reason is None:
                versions.publish(connection, self._database.dialect, version, now)
        step = None if built.step is None or last is None else Step(last.version, version.version, *built.step)
        return version, step

    def settle(self, workspace: str, feed: str) -> bool:
        """Make the delta of a version that was published elsewhere; return whether there was one to make."""
        return self._deltas.settle(workspace, feed)

    def snapshot_digest(self, workspace: str) -> str:
        """Return the digest of the live snapshot, or nothing before the first import."""
        snapshot = self._snapshots.current(workspace)
        return snapshot.digest if snapshot else ""

    def due(self, workspace: Workspace, feed: str) -> bool:
        """Whether snapshot, rules or specification differ from those of the last build."""
        snapshot = self._snapshots.current(workspace.name)
        document = workspace.feeds.get(feed)
        if snapshot is None or document is None:
            return False
        with self._database.read() as connection:
            last = versions.newest(connection, workspace.name, feed)
        return last is None or last.recipe != recipe(document, snapshot.digest + day(document, self._clock()))

    def approve(self, workspace: str, feed: str, version: int, who: str) -> FeedVersion:
        """Publish a held version on a person's word. Raises `UnknownVersion`, also for one that is not held."""
        with self._database.begin() as connection:
            found = versions.find(connection, workspace, feed, version)
            if not found.held:
                raise versions.UnknownVersion(
                    f"version {version} is not held; `rekindle feeds rollback` publishes it again"
                )
            versions.approve(connection, found, who)
            versions.publish(connection, self._database.dialect, found, self._clock())
            approved = versions.find(connection, workspace, feed, version)
        self._deltas.settle(workspace, feed)
        return approved

    def rollback(self, workspace: str, feed: str, version: int | None = None) -> FeedVersion:
        """Publish an earlier version again: the one given, or the last good one before the live one.

        It stays until the catalogue, the rules or the specification change. Raises `UnknownVersion`.
        """
        with self._database.begin() as connection:
            if version is None:
                pointer = versions.live(connection, workspace, feed)
                below = pointer[0].version if pointer else 0
                earlier = [
                    old for old in versions.history(connection, workspace, feed) if old.version < below and not old.held
                ]
                if not earlier:
                    raise versions.UnknownVersion(f"feed {feed} has no earlier version to go back to")
                version = earlier[0].version
            found = versions.find(connection, workspace, feed, version)
            if found.held:
                raise versions.UnknownVersion(f"version {version} is held ({found.held_reason}); approve it instead")
            versions.publish(connection, self._database.dialect, found, self._clock())
        self._deltas.settle(workspace, feed)
        return found
