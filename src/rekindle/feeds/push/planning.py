"""Which items are to be at the platform, after the pointer moved: the difference to what was wanted before.

Where the version that was wanted before is still there, only what differs is looked at, as for the feed's own delta;
else every item is compared with what was sent. Either may be broken off and begun again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy.engine import Connection

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _sql, versions
from rekindle.feeds.channel import channel
from rekindle.feeds.push._items import CHUNK, VersionItems, version_items
from rekindle.feeds.push._store import WAITING, PushRow, Rows
from rekindle.feeds.push.platform import Platform
from rekindle.feeds.versions import FeedVersion, UnknownVersion
from rekindle.model.clock import Clock
from rekindle.workspace import FeedPush


class Planned(msgspec.Struct, frozen=True):
    """What a plan came to: items to send, items to remove, and why removals wait ("" where they do not)."""

    version: int
    changed: int
    removed: int
    held_reason: str = ""


class Rehearsal(msgspec.Struct):
    """What a push would come to: counts, some ids of each kind, and the values of those that would be sent."""

    version: int
    waiting: int
    changed: int = 0
    removed: int = 0
    changed_ids: list[str] = []
    removed_ids: list[str] = []
    values: dict[str, dict[str, str]] = {}

    def add(self, ids: list[str], samples: int) -> None:
        """Count items that would be sent."""
        self.changed += len(ids)
        self.changed_ids += ids[: samples - len(self.changed_ids)]

    def remove(self, ids: list[str], samples: int) -> None:
        """Count items that would be removed."""
        self.removed += len(ids)
        self.removed_ids += ids[: samples - len(self.removed_ids)]


class Planner:
    """Plans the push of feeds. ``folder`` is for files under way; ``memory_limit`` bounds the table engine."""

    def __init__(
        self, database: Database, blobs: Blobs, clock: Clock, folder: Path | None = None,
        memory_limit: str = _sql.MEMORY_LIMIT,
    ) -> None:  # fmt: skip
        self._database, self._blobs, self._clock = database, blobs, clock
        self._folder, self._memory_limit = folder, memory_limit

    def plan(self, workspace: str, feed: str, settings: FeedPush, platform: Platform) -> Planned | None:
        """Bring what is wanted in line with the live version; return None where it is so already.

        Raises `BlobMissing` when the live version's items are not there, and `UnknownChannel`.
        """
        rows = Rows(self._database.dialect, workspace, feed)
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace, feed)
            push = rows.push(connection)
            if pointer is None:
                return None
            live, basis = pointer[0], _basis(pointer[0], platform)
            target = target_of(platform, settings)
            if (push.version, push.basis, push.target) == (live.version, basis, target):
                return None
            known = push.basis == basis and push.target == target
            before = _find(connection, workspace, feed, push.version) if known else None
        if push.target != target:
            self._forget(rows)
        now = max(self._clock(), push.wanted_ms + 1)
        # Without a basis until it is done: whoever finds a plan that was broken off compares everything, because the
        # version that it was for may not be the next one.
        begun = msgspec.structs.replace(push, wanted_ms=now, basis="", target=target, done_ms=0)
        with self._database.begin() as connection:
            rows.save(connection, begun)
        next_ = msgspec.structs.replace(begun, version=live.version, basis=basis)
        with self.open(live, platform) as items:
            changed, removed = self._compare(rows, items, before, live, now)
        return self._finish(rows, settings, next_, live, changed, removed)

    def _forget(self, rows: Rows) -> None:
        while True:
            with self._database.begin() as connection:
                if not rows.forget(connection, CHUNK):
                    return

    def rehearse(self, workspace: str, feed: str, platform: Platform, samples: int) -> Rehearsal | None:
        """Return what a push of the live version would come to, without any change; None before the first version."""
        rows = Rows(self._database.dialect, workspace, feed)
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace, feed)
            if pointer is None:
                return None
            waiting = rows.counts(connection).get(WAITING, 0)
        found = Rehearsal(pointer[0].version, waiting)
        with self.open(pointer[0], platform) as items, self._database.read() as connection:
            for page in items.everything(pointer[0]):
                for start in range(0, len(page), 500):
                    found.add([item for item, _ in rows.different(connection, page[start : start + 500])], samples)
            after = ""
            while known := rows.pages(connection, after, CHUNK):
                after = known[-1]
                found.remove(items.missing(pointer[0], known), samples)
            found.values = items.values(pointer[0], found.changed_ids)
        return found

    @contextmanager
    def open(self, version: FeedVersion, platform: Platform) -> Iterator[VersionItems]:
        """Open the reader of a version's items, for the length of the block."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="push-") as name:
            spec = channel(version.channel).spec
            with version_items(self._blobs, spec, platform.revision, Path(name), self._memory_limit) as items:
                yield items

    def _compare(
        self, rows: Rows, items: VersionItems, before: FeedVersion | None, live: FeedVersion, now: int
    ) -> tuple[int, int]:
        if before is not None:
            try:
                return self._difference(rows, items, before, live, now)
            except BlobMissing:
                pass  # trimmed meanwhile: what was done of the difference is right all the same
        changed = removed = 0
        for page in items.everything(live):
            with self._database.begin() as connection:
                changed += rows.want(connection, page, now)
        after = ""
        while True:
            with self._database.read() as connection:
                known = rows.pages(connection, after, CHUNK)
            if not known:
                return changed, removed
            after = known[-1]
            if gone := items.missing(live, known):
                with self._database.begin() as connection:
                    removed += rows.unwant(connection, gone, now)

    def _difference(
        self, rows: Rows, items: VersionItems, before: FeedVersion, live: FeedVersion, now: int
    ) -> tuple[int, int]:
        changed = removed = 0
        found = items.changes(before, live)
        for page in found.wanted:
            with self._database.begin() as connection:
                changed += rows.want(connection, page, now)
        for gone in found.gone:
            with self._database.begin() as connection:
                removed += rows.unwant(connection, gone, now)
        return changed, removed

    def _finish(
        self, rows: Rows, settings: FeedPush, push: PushRow, live: FeedVersion, changed: int, removed: int
    ) -> Planned:
        """Guard the removals and say how far the push is, in one transaction: nothing is removed before."""
        with self._database.begin() as connection:
            reason = ""
            if leaving := rows.removals(connection):
                there = rows.at_platform(connection)
                allowed = live.approved_by is not None or push.approved_version == live.version
                if not allowed and leaving > settings.max_removals * there + 1e-9:  # 0.3 is not exact
                    reason = (
                        f"{leaving} of {there} items would be removed at the platform; "
                        f"{settings.max_removals:.0%} is allowed"
                    )
                rows.hold(connection, held=bool(reason))
            rows.save(connection, msgspec.structs.replace(push, held_reason=reason))
        return Planned(live.version, changed, removed, reason)


def target_of(platform: Platform, settings: FeedPush) -> str:
    """Return a name for the account that a push is about: what its required settings say."""
    wanted = {each.name for each in platform.manifest.settings if each.required}
    told = {name: str(value) for name, value in settings.settings.items() if name in wanted}
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:32]


def _basis(version: FeedVersion, platform: Platform) -> str:
    return f"{version.channel}/{platform.revision}"


def _find(connection: Connection, workspace: str, feed: str, version: int) -> FeedVersion | None:
    try:
        return versions.find(connection, workspace, feed, version)
    except UnknownVersion:
        return None
