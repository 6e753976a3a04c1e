"""What changed when readers were pointed at another version: a file for those who have the version before."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _sql, layout, versions
from rekindle.feeds._delta_files import Files, write_files
from rekindle.feeds._tables import feed_deltas
from rekindle.feeds.channel import UnknownChannel, channel
from rekindle.feeds.items import items_of, where_different
from rekindle.feeds.versions import FeedVersion
from rekindle.feeds.writing import columns_of
from rekindle.model.clock import Clock

KEEP = 20
"""Deltas that are kept of a feed; a reader who has missed more fetches the full file."""


class Delta(msgspec.Struct, frozen=True):
    """One change of the pointer from ``previous`` to ``version``.

    ``digest`` is the JSON Lines file and ``update_digest`` the one in the channel's own format, where the platform takes
    such files; without ``digest`` (the first version, or the one before is gone) only the full file helps.
    """

    workspace: str
    feed: str
    number: int
    version: int
    previous: int | None
    created_ms: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    digest: str | None = None
    size: int = 0
    update_digest: str | None = None
    update_size: int = 0


def history(connection: Connection, workspace: str, feed: str) -> list[Delta]:
    """Return a feed's deltas, newest first."""
    t = feed_deltas.c
    rows = sa.select(feed_deltas).where(t.workspace == workspace, t.feed == feed).order_by(t.number.desc())
    return [_of(row) for row in connection.execute(rows)]


def _of(row: sa.Row[Any]) -> Delta:
    return Delta(**{name: getattr(row, name) for name in Delta.__struct_fields__})


class Step(NamedTuple):
    """What a build knows of its own change: the items of two versions that differ, as Parquet files."""

    old: int
    new: int
    was: Path
    now: Path


class Deltas:
    """Makes the delta of each publication, after it and never in a reader's request."""

    def __init__(
        self, database: Database, blobs: Blobs, clock: Clock, folder: Path | None, memory_limit: str = _sql.MEMORY_LIMIT
    ) -> None:
        self._database, self._blobs, self._clock = database, blobs, clock
        self._folder, self._memory_limit = folder, memory_limit

    def settle(self, workspace: str, feed: str, step: Step | None = None) -> bool:
        """Make the delta to the live version if there is none yet; return whether one was recorded.

        ``step`` saves the search for what differs, where it is between the same two versions.
        """
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace, feed)
            last = next(iter(history(connection, workspace, feed)), None)
            if pointer is None or (last is not None and last.version == pointer[0].version):
                return False
            before = _find(connection, workspace, feed, last.version) if last else None
        made = self._make(before, pointer[0], step) if before else None
        delta = Delta(
            workspace, feed, last.number + 1 if last else 1, pointer[0].version, last.version if last else None,
            self._clock(), **(made or {}),
        )  # fmt: skip
        with self._database.begin() as connection:
            connection.execute(sa.insert(feed_deltas).values(msgspec.to_builtins(delta)))
            freed = _trim(connection, workspace, feed, delta.number - KEEP)
        if freed:
            with self._database.begin() as connection:  # as in `FeedBuilder.build`
                for digest in _unused(connection, freed):
                    self._blobs.remove(digest)
        return True

    def _make(self, before: FeedVersion, now: FeedVersion, step: Step | None) -> dict[str, Any] | None:
        with self._under_way() as work:
            files = self._written(before, now, work, step)
            return self._stored(files) if files else None

    @contextmanager
    def between(self, before: int, now: FeedVersion) -> Iterator[Files | None]:
        """Write the delta from one version to another, whatever lay between; the files last as long as the block.

        None where either is not there any more, and so only the full file helps.
        """
        with self._database.read() as connection:
            known = _find(connection, now.workspace, now.feed, before)
        with self._under_way() as work:
            yield self._written(known, now, work) if known else None

    @contextmanager
    def _under_way(self) -> Iterator[Path]:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="delta-") as name:
            yield Path(name)

    def _written(self, before: FeedVersion, now: FeedVersion, work: Path, step: Step | None = None) -> Files | None:
        if now.layout_digest is None:
            return None
        try:
            where = layout.decode(self._blobs.path(now.layout_digest).read_bytes())
            old, new = items_of(self._blobs, before), items_of(self._blobs, now)
            known = channel(now.channel)
        except (BlobMissing, UnknownChannel, msgspec.DecodeError):
            return None
        about = {"workspace": now.workspace, "feed": now.feed, "version": now.version, "from": before.version}
        with _sql.connect(work, self._memory_limit) as engine:
            if step is not None and (step.old, step.new) == (before.version, now.version):
                relations = (f"FROM {_sql.parquet(step.was)}", f"FROM {_sql.parquet(step.now)}")
            else:
                relations = where_different(engine, old, new)
            return write_files(engine, known, relations, where.attributes, columns_of(known, where.filled), about, work)

    def _stored(self, files: Files) -> dict[str, Any]:
        update = files.update
        return {
            "added": files.added, "changed": files.changed, "removed": files.removed,
            "digest": self._blobs.put(files.changes), "size": files.changes.stat().st_size,
            "update_digest": self._blobs.put(update) if update else None,
            "update_size": update.stat().st_size if update else 0,
        }  # fmt: skip


def _find(connection: Connection, workspace: str, feed: str, version: int) -> FeedVersion | None:
    try:
        return versions.find(connection, workspace, feed, version)
    except versions.UnknownVersion:
        return None


def _trim(connection: Connection, workspace: str, feed: str, upto: int) -> set[str]:
    """Forget deltas up to a number; return the blobs that no delta needs any more."""
    t = feed_deltas.c
    old = (t.workspace == workspace) & (t.feed == feed) & (t.number <= upto)
    freed: set[str] = set()
    for row in connection.execute(sa.select(t.digest, t.update_digest).where(old)):
        freed.update(digest for digest in row if digest)
    connection.execute(sa.delete(feed_deltas).where(old))
    return _unused(connection, freed)


def _unused(connection: Connection, digests: Collection[str]) -> set[str]:
    t, freed = feed_deltas.c, set(digests)
    used = sa.or_(t.digest.in_(freed), t.update_digest.in_(freed))
    for row in connection.execute(sa.select(t.digest, t.update_digest).where(used)):
        freed.difference_update(row)
    return freed
