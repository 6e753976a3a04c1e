"""The ids that are published: what the id contract asks (`model.ports.FeedIds`)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import versions
from rekindle.feeds._index import Index, originals
from rekindle.model.clock import Clock

_REFRESH_MS = 5_000
_EARLIER = 5
_REASONS = 10_000


class PublishedIds:
    """Answers from the index files of the live versions. The pointer is read again every five seconds.

    Memory is bounded: the files are mapped, and at most ten thousand answers about missing ids are remembered.
    """

    def __init__(self, database: Database, blobs: Blobs, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._lock = threading.Lock()
        self._live: dict[tuple[str, str], tuple[int, str | None]] = {}
        self._indexes: OrderedDict[str, Index] = OrderedDict()
        self._reasons: OrderedDict[tuple[str, str, str, str], str] = OrderedDict()

    def channels(self, workspace: str) -> Sequence[str]:
        """See `model.ports.FeedIds.channels`."""
        with self._database.read() as connection:
            return versions.live_feeds(connection, workspace)

    def missing(self, workspace: str, feed: str, item_ids: Sequence[str]) -> Mapping[str, str]:
        """See `model.ports.FeedIds.missing`. A feed that was never published holds nothing: all are ``unknown``."""
        with self._lock:
            digest = self._digest(workspace, feed)
            if digest is None:
                return dict.fromkeys(item_ids, "unknown")
            index = self._index(digest)
            return {
                item_id: self._reason(workspace, feed, digest, item_id)
                for item_id in item_ids
                if not any(entry.kind == "p" for entry in index.entries(item_id))
            }

    def _digest(self, workspace: str, feed: str) -> str | None:
        now = self._clock()
        read_at, digest = self._live.get((workspace, feed), (-_REFRESH_MS, None))
        if now - read_at < _REFRESH_MS:
            return digest
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace, feed)
        digest = pointer[0].index_digest if pointer else None
        self._live[workspace, feed] = (now, digest)
        return digest

    def _index(self, digest: str) -> Index:
        index = self._indexes.get(digest)
        if index is None:
            index = self._indexes[digest] = Index(self._blobs.path(digest))
            while len(self._indexes) > 64:
                self._indexes.popitem(last=False)[1].close()
        self._indexes.move_to_end(digest)
        return index

    def _reason(self, workspace: str, feed: str, digest: str, item_id: str) -> str:
        key = (workspace, feed, digest, item_id)
        reason = self._reasons.get(key)
        if reason is None:
            reason = self._reasons[key] = explain_missing(self._index(digest), item_id) or self._earlier(*key)
            if len(self._reasons) > _REASONS:
                self._reasons.popitem(last=False)
        return reason

    def _earlier(self, workspace: str, feed: str, digest: str, item_id: str) -> str:
        with self._database.read() as connection:
            past = versions.history(connection, workspace, feed)
        earlier = dict.fromkeys(version.index_digest for version in past if version.index_digest != digest)
        for old in list(earlier)[:_EARLIER]:
            try:
                index = self._index(old)
            except BlobMissing:
                continue
            if any(entry.kind == "p" for entry in index.entries(item_id)):
                return "removed"
        return "unknown"


def explain_missing(index: Index, item_id: str) -> str | None:
    """Return why a feed does not hold an id: ``excluded``, ``case`` or ``prefix``; None when the index cannot say."""
    if any(entry.kind == "x" for entry in index.entries(item_id)):
        return "excluded"
    kinds = {entry.kind for entry in index.entries(item_id.lower())}
    if "c" in kinds:
        return "case"
    if kinds & {"s", "g"}:
        return "prefix"
    for original, sure in originals(item_id):
        kinds = {entry.kind for entry in index.entries(original)}
        # Two guesses together prove nothing: A_1 and B_1 share their end by chance.
        if "c" in kinds or (sure and "s" in kinds):
            return "prefix"
    return None
