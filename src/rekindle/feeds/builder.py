"""Build feeds: snapshot, rules, checks, file, version; never in a reader's request."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _index, _sql, versions
from rekindle.feeds.channel import Head
from rekindle.feeds.findings import Finding, collect
from rekindle.feeds.guards import held_reason
from rekindle.feeds.program import BLOCKED, EXCLUDED, PUBLISHED, Program, compile_feed, recipe
from rekindle.feeds.versions import FeedVersion
from rekindle.feeds.writing import write_items, write_output
from rekindle.model.clock import Clock
from rekindle.model.ports import Snapshot, Snapshots
from rekindle.workspace import Feed, Workspace


class NothingToBuild(LookupError):
    """The feed is unknown, or no catalogue has been imported."""


class FeedBuilder:
    """Builds versions and moves the pointer that readers follow.

    ``folder`` is for files under way; ``memory_limit`` bounds the table engine, which spills there.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        snapshots: Snapshots,
        clock: Clock,
        folder: Path | None = None,
        memory_limit: str = _sql.MEMORY_LIMIT,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._snapshots = snapshots
        self._clock = clock
        self._folder = folder
        self._memory_limit = memory_limit

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
                built = _Build(connection, self._blobs, program.over(snapshot.path), snapshot, work)
                return self._record(built, workspace, feed, document)

    def _record(self, built: _Build, workspace: Workspace, feed: str, document: Feed) -> FeedVersion:
        shop = workspace.shop
        link = shop.origins[0] if shop.origins else ""
        now = self._clock()
        fields, findings, repeated = built.run(Head(shop.title, link, shop.language))
        with self._database.begin() as connection:
            last = versions.newest(connection, workspace.name, feed)
            pointer = versions.live(connection, workspace.name, feed)
            version = FeedVersion(
                workspace=workspace.name, feed=feed, version=last.version + 1 if last else 1, channel=built.program.channel.name,
                recipe=recipe(document, built.snapshot.digest), snapshot=built.snapshot.digest,
                spec=built.program.channel.spec.version, created_ms=now, **fields,
            )  # fmt: skip
            shocked = built.price_shock(pointer[0].items_digest) if pointer else 0.0
            reason = held_reason(document, version, repeated, pointer[0] if pointer else None, shocked)
            version = msgspec.structs.replace(version, held_reason=reason)
            versions.store(connection, version, findings)
            if reason is None:
                versions.publish(connection, self._database.dialect, version, now)
            freed = versions.trim(connection, workspace.name, feed, document.keep_versions)
        for digest in freed:
            self._blobs.remove(digest)
        return version

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
        return last is None or last.recipe != recipe(document, snapshot.digest)

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
            return versions.find(connection, workspace, feed, version)

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
            return found


class _Build:
    """One run of the table engine: items, findings, file, index; all in a folder that is removed afterwards."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, blobs: Blobs, program: Program, snapshot: Snapshot, work: Path
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self.program = program
        self.snapshot = snapshot
        self._work = work

    def run(self, head: Head) -> tuple[dict[str, Any], list[Finding], int]:
        """Return the fields of the version, the findings and the number of repeated ids."""
        products = _sql.parquet(self.snapshot.path)
        items = self._work / "items.parquet"
        write_items(self._connection, self.program, products, items)
        table = f"SELECT * FROM {_sql.parquet(items)}"
        findings = collect(self._connection, self.program.checks, table, self.program.before_checks(products))
        output, packed, index = self._work / "feed", self._work / "feed.gz", self._work / "index"
        written = write_output(self._connection, self.program.channel, head, items, output, packed)
        _index.write_index(self._connection, table, index)
        states = dict(self._connection.execute(f"SELECT _state, count(*) FROM ({table}) GROUP BY ALL").fetchall())
        offered = states.get(PUBLISHED, 0) + states.get(BLOCKED, 0)
        missing = {f.attribute: f.count / offered for f in findings if f.code == "missing" and f.severity == "block"}
        fields: dict[str, Any] = {
            "items": states.get(PUBLISHED, 0), "excluded": states.get(EXCLUDED, 0), "blocked": states.get(BLOCKED, 0),
            "missing": missing, "size": written.size, "gzip_size": written.packed,
            "digest": self._blobs.put(output), "gzip_digest": self._blobs.put(packed),
            "items_digest": self._blobs.put(items), "index_digest": self._blobs.put(index),
        }  # fmt: skip
        return fields, findings, self._repeated(table)

    def price_shock(self, earlier: str) -> float:
        """Return the share of the items in both versions whose price moved by half or more; 0 where it cannot be told."""
        try:
            before = self._blobs.path(earlier)
        except BlobMissing:
            return 0.0
        columns = {str(row[0]) for row in self._connection.execute(f"DESCRIBE FROM {_sql.parquet(before)}").fetchall()}
        if "price" not in columns or "price" not in self.program.channel.spec.names:
            return 0.0
        new, old = _sql.parquet(self._work / "items.parquet"), _sql.parquet(before)
        row = self._connection.execute(
            "SELECT count_if(n > 0 AND o > 0 AND (n >= 1.5 * o OR n <= 0.5 * o)) / nullif(count(*), 0) FROM "
            f"(SELECT id, rk_number(price) AS n FROM {new} WHERE _state = {PUBLISHED}) JOIN "
            f"(SELECT id, rk_number(price) AS o FROM {old} WHERE _state = {PUBLISHED}) USING (id)"
        ).fetchone()
        return float(row[0]) if row and row[0] is not None else 0.0

    def _repeated(self, table: str) -> int:
        repeated = f"SELECT id FROM ({table}) WHERE _state = {PUBLISHED} GROUP BY id HAVING count(*) > 1"
        row = self._connection.execute(f"SELECT count(*) FROM ({repeated})").fetchone()
        return int(row[0]) if row else 0


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
                return 0
            self._builder.build(workspace, name)
        except Exception as error:  # noqa: BLE001 - one shop's feed must not stop another's
            self._given_up[key] = state
            self._failed(workspace.name, name, error)
            return 0
        self._given_up.pop(key, None)
        return 1
