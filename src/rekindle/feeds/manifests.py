"""What a feed's files are, for machines that check what they fetched."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rekindle.feeds.channel import channel
from rekindle.feeds.deltas import Delta
from rekindle.feeds.variants import Variant
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import rfc3339


def manifest(
    version: FeedVersion, since_ms: int, past: Sequence[Delta] = (), packed: Variant | None = None
) -> dict[str, object]:
    """Return the live version's files in every form there is, and the deltas that lead to it from earlier ones, newest first.

    A reader who has the version ``from`` of a delta applies it and has its ``version``; several are applied in turn.
    """
    extension = channel(version.channel).format.extension
    name = f"{version.feed}.{extension}"
    # The plain file's is known a moment after the version where it takes a reading of a large file.
    known = {"sha256": version.plain_digest} if version.plain_digest else {}
    files = [
        {"name": name, "bytes": version.size, **known},
        {"name": name, "encoding": "gzip", "bytes": version.gzip_size, "sha256": version.gzip_digest},
    ]
    if packed is not None:
        files.append({"name": name, "encoding": "zstd", "bytes": packed.zstd_size, "sha256": packed.zstd_digest})
    return {
        "workspace": version.workspace,
        "feed": version.feed,
        "channel": version.channel,
        "specification": version.spec,
        "version": version.version,
        "snapshot": version.snapshot,
        "items": version.items,
        "created": rfc3339(version.created_ms),
        "published": rfc3339(since_ms),
        "files": files,
        "deltas": [_delta(delta, extension) for delta in past if delta.digest],
    }


def _delta(delta: Delta, extension: str) -> dict[str, object]:
    files = [{"name": f"{delta.feed}.delta.jsonl", "bytes": delta.size, "sha256": delta.digest}]
    if delta.update_digest:
        name = f"{delta.feed}.delta.{extension}"
        files.append({"name": name, "bytes": delta.update_size, "sha256": delta.update_digest})
    return {
        "version": delta.version,
        "from": delta.previous,
        "added": delta.added,
        "changed": delta.changed,
        "removed": delta.removed,
        "files": files,
    }


def manifest_body(
    version: FeedVersion, since_ms: int, past: Sequence[Delta] = (), packed: Variant | None = None
) -> bytes:
    """Return the manifest as the bytes that are served and signed."""
    return msgspec.json.format(msgspec.json.encode(manifest(version, since_ms, past, packed)), indent=2) + b"\n"
