"""Live files packed with zstd (RFC 8878) too, and what SHA-256 has to say of the plain ones: made after publication."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa
import zstandard
from sqlalchemy.engine import Connection

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import content, versions
from rekindle.feeds._tables import feed_live, feed_variants, feed_versions
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock

# Its window is far below the 8 MB that readers of HTTP need to have room for (RFC 9659), as all levels to 19 are.
_LEVEL: Final = 3
_THREADS: Final = 2


class Variant(msgspec.Struct, frozen=True):
    """The packed form of the file ``digest``; digests are of the bytes as they are sent."""

    digest: str
    zstd_digest: str
    zstd_size: int
    created_ms: int


def variant(connection: Connection, digest: str) -> Variant | None:
    """Return the packed form of a file, or None before it was made."""
    row = connection.execute(sa.select(feed_variants).where(feed_variants.c.digest == digest)).first()
    return None if row is None else Variant(row.digest, row.zstd_digest, row.zstd_size, row.created_ms)


class Variants:
    """Makes what live versions lack, and forgets what no version has any more. ``folder`` is for files under way."""

    def __init__(self, database: Database, blobs: Blobs, clock: Clock, folder: Path | None = None) -> None:
        self._database, self._blobs, self._clock, self._folder = database, blobs, clock, folder

    async def step(self) -> int:
        """Pack one live file that is not packed yet; return 1, or 0 when there is none."""
        return await asyncio.to_thread(self._step)

    def _step(self) -> int:
        with self._database.read() as connection:
            lacking = [versions.of(row) for row in connection.execute(_LACKING)]
            gone = connection.execute(_GONE).scalars().all()
        for old in gone:
            self._forget(old)
        return int(any(self._pack(version) for version in lacking))

    def _pack(self, version: FeedVersion) -> bool:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        try:
            plain = content.plain(self._blobs, version)
        except (BlobMissing, msgspec.DecodeError):
            return False  # forgotten meanwhile, or damaged: what is served says so
        seen = hashlib.sha256()
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="zstd-") as name:
            packed = Path(name) / "packed"
            packer = zstandard.ZstdCompressor(level=_LEVEL, threads=_THREADS, write_checksum=True)
            frame = packer.compressobj(size=version.size)
            with packed.open("wb") as out:
                for part in plain:
                    seen.update(part)
                    out.write(frame.compress(part))
                out.write(frame.flush())
                size = out.tell()
            stored = self._blobs.put(packed, move=True)
        row = Variant(version.digest, stored, size, self._clock())
        with self._database.begin() as connection:
            if variant(connection, version.digest) is None:
                connection.execute(sa.insert(feed_variants).values(msgspec.structs.asdict(row)))
            same = (feed_versions.c.digest == version.digest) & feed_versions.c.plain_digest.is_(None)
            connection.execute(sa.update(feed_versions).where(same).values(plain_digest=seen.hexdigest()))
        return True

    def _forget(self, digest: str) -> None:
        # In one transaction, as versions go: nobody may publish the same bytes between the question and the removal.
        with self._database.begin() as connection:
            used = connection.execute(
                sa.select(feed_versions.c.version).where(feed_versions.c.digest == digest)
            ).first()
            found = variant(connection, digest)
            if used is not None or found is None:
                return
            connection.execute(sa.delete(feed_variants).where(feed_variants.c.digest == digest))
            self._blobs.remove(found.zstd_digest)


_live = (
    (feed_versions.c.workspace == feed_live.c.workspace)
    & (feed_versions.c.feed == feed_live.c.feed)
    & (feed_versions.c.version == feed_live.c.version)
)
_LACKING: Final = (
    sa.select(feed_versions)
    .join(feed_live, _live)
    .where(feed_versions.c.digest.not_in(sa.select(feed_variants.c.digest)) | feed_versions.c.plain_digest.is_(None))
)
_GONE: Final = sa.select(feed_variants.c.digest).where(feed_variants.c.digest.not_in(sa.select(feed_versions.c.digest)))
