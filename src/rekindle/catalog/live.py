"""Make a source's new part the live catalogue: merge, index, compare, and one transaction that all of it rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.catalog import _guards, _tables
from rekindle.catalog.ages import grow_older
from rekindle.catalog.changes import ChangeSummary, compare
from rekindle.catalog.offers import build_index
from rekindle.catalog.snapshots import SnapshotStore
from rekindle.catalog.staging import merge
from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.model.ports import Snapshot
from rekindle.workspace import Workspace

_TRIES: Final = 5


class Overtaken(Exception):
    """Another import of the workspace went live meanwhile; what was made from the state before is not the newest."""


class Part(msgspec.Struct, frozen=True):
    """What one source has now: a Parquet file of so many items.

    ``marks`` are columns of ``catalog_sources`` to be kept with it. ``base`` is the digest of the part it was made
    from ("" : from none, it is whole in itself); ``seen`` are the ids that were seen now (None: all of it).
    """

    path: Path
    items: int
    marks: dict[str, Any]
    base: str = ""
    seen: Path | None = None


class Live:
    """The live catalogue of one workspace, for writing."""

    def __init__(self, workspace: Workspace, database: Database, blobs: Blobs, clock: Clock) -> None:
        self._workspace, self._database, self._blobs, self._clock = workspace, database, blobs, clock
        self._snapshots = SnapshotStore(database, blobs)

    def states(self, connection: Connection) -> dict[str, Any]:
        """Return what is known of every source that was tried."""
        table = _tables.sources
        rows = connection.execute(sa.select(table).where(table.c.workspace == self._workspace.name)).all()
        return {row.source: row for row in rows}

    def save(self, connection: Connection, source: str, values: dict[str, Any]) -> None:
        """Keep columns of a source."""
        key = {"workspace": self._workspace.name, "source": source}
        first = {"tried_ms": self._clock(), "items": 0}
        insert = upsert(_tables.sources, self._database.dialect).values(first | key | values)
        connection.execute(insert.on_conflict_do_update(index_elements=["workspace", "source"], set_=values))

    def publish(
        self, source: str, part: Part, folder: Path, more: Callable[[Connection], None] = lambda _: None
    ) -> tuple[str, ChangeSummary]:
        """Make ``part`` the source's, and the catalogue of all sources live; ``more`` is done in the same transaction.

        Returns the snapshot's digest and what changed. Raises `Overtaken` when the part's base is not the source's
        part any more.
        """
        for number in range(_TRIES):
            work = folder / f"live-{number}"
            work.mkdir()
            try:
                return self._publish(source, part, work, more)
            except Overtaken:
                with self._database.read() as connection:
                    now = self.states(connection).get(source)
                if part.base and (now is None or now.digest != part.base):
                    raise
        raise Overtaken

    def _publish(
        self, source: str, part: Part, folder: Path, more: Callable[[Connection], None]
    ) -> tuple[str, ChangeSummary]:
        part_digest = self._blobs.put(part.path)
        with self._database.read() as connection:
            before = self.states(connection)
        digests = {name: row.digest for name, row in before.items() if row.digest}
        mine = before.get(source)
        if part.base and (mine is None or mine.digest != part.base):
            raise Overtaken
        now = self._clock()
        ages = self._blobs.put(self._ages(mine, part, now, folder))
        merged = self._merged(digests | {source: part_digest}, source, folder)
        digest = part_digest if merged == self._blobs.path(part_digest) else self._blobs.put(merged)
        offers = self._blobs.put(build_index(merged, folder))
        current = self._snapshots.current(self._workspace.name)
        differing = folder / "differing.parquet"
        changes, _ = compare(current.path if current else None, merged, 0, differing)
        is_new = current is None or current.digest != digest
        changed = self._blobs.put(differing, move=True) if current is not None and is_new else None
        snapshot = Snapshot(self._workspace.name, digest, self._blobs.path(digest), _guards.count_items(merged), now)
        kept = {**part.marks, "digest": part_digest, "items": part.items, "ages_digest": ages}

        freed: set[str] = set()

        def write(connection: Connection) -> None:
            after = {name: row.digest for name, row in self.states(connection).items() if row.digest}
            if after != digests:
                raise Overtaken
            self.save(connection, source, kept)
            if is_new:
                freed.update(self._snapshots.add(connection, snapshot, offers, changes, changed))
            more(connection)

        with self._database.begin() as connection:
            write(connection)
        self._snapshots.trim(self._workspace.name)
        if mine is not None:
            freed |= {mine.digest, mine.ages_digest} - {None}
        self._snapshots.release(freed - {part_digest, ages})
        return digest, changes

    def _ages(self, mine: Any, part: Part, now_ms: int, folder: Path) -> Path:
        old = self._blobs.path(mine.digest) if mine is not None and mine.digest else None
        ages = self._blobs.path(mine.ages_digest) if mine is not None and mine.ages_digest else None
        return grow_older(ages, old, part.path, now_ms, folder, seen=part.seen)

    def _merged(self, digests: dict[str, str], source: str, folder: Path) -> Path:
        known = self._workspace.catalog.source
        supplements = {one.name for one in known if one.options.get("supplement") is True}
        order = [one.name for one in known] or sorted(digests)
        order += [source] if source not in order else []
        parts = [(self._blobs.path(digests[name]), name in supplements) for name in order if name in digests]
        if all(supplement for _, supplement in parts):
            parts = [(path, False) for path, _ in parts]
        return merge(parts, folder)
