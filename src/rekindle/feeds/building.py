"""One run of the table engine: items, findings, file, index; whole, or on top of an earlier build."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.feeds import _gzip, _index, _workers, layout
from rekindle.feeds._files import Packed
from rekindle.feeds.channel import Head
from rekindle.feeds.content import plain_digest
from rekindle.feeds.findings import Finding, collect
from rekindle.feeds.items import Items, items_of, where_different
from rekindle.feeds.layout import Layout
from rekindle.feeds.output import write_output
from rekindle.feeds.patching import edits_of, write_patch
from rekindle.feeds.program import BLOCKED, EXCLUDED, PUBLISHED, Program
from rekindle.feeds.splicing import Run, Splice
from rekindle.feeds.versions import FeedVersion
from rekindle.feeds.writing import columns_of, count_filled, fill, write_items, write_rows

CHUNK = 4 << 20
"""Bytes of untouched blocks that are copied at once."""
SOON = 64 << 20
"""Bytes of a plain file whose digest is made with the version; that of a larger one a moment after, where it needs a reading."""


class Built(msgspec.Struct, frozen=True):
    """What a run made: fields of the version, findings, the number of repeated ids, and the items.

    ``step`` are Parquet files of the items that differ from the version before, as they were and as they are, if known.
    """

    fields: dict[str, Any]
    findings: list[Finding]
    repeated: int
    items: Items
    step: tuple[Path, Path] | None = None


class Build:
    """Everything is made in a folder that is removed afterwards; what stays goes to the blob store.

    ``products`` is a relation in the order of ids; ``some`` returns those of it whose ids are in a query's first column.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, blobs: Blobs, program: Program, products: str, work: Path,
        some: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._connection = connection
        self._blobs = blobs
        self._program = program
        self._products, self._some = products, some
        self._work = work

    def run(self, head: Head, basis: str, last: FeedVersion | None, changed: Path | None = None) -> Built:
        """Build on ``last`` where that saves work, else build everything.

        ``changed`` holds the ids of the products that changed since ``last``, where that is known.
        """
        if last is not None and last.basis == basis and last.layout_digest is not None:
            try:
                built = self._again(head, basis, last, changed)
            except (BlobMissing, msgspec.DecodeError):
                built = None
            if built is not None:
                return built
        return self._whole(head, basis)

    def _whole(self, head: Head, basis: str) -> Built:
        channel = self._program.channel
        path = self._work / "items.parquet"
        write_items(self._connection, self._program, self._products, path)
        items = Items(path, None, basis)
        filled, always = fill(self._connection, channel.spec.names, path)
        packed = self._work / "feed.gz"
        columns = columns_of(channel, filled)
        index = self._make_index(items)
        # Copying and hashing the items leaves the engine alone; the index beside the file would need its memory too.
        with ThreadPoolExecutor(1) as pool:
            kept = pool.submit(self._blobs.put, path)
            written = write_output(self._connection, channel, head, path, columns, packed, always)
            items_digest = kept.result()
        repeated = self._repeated(items)
        where = Layout(
            written.lengths.tobytes(), written.blocks.tobytes(), written.closed, filled, index, repeated,
            [(a.name, a.header, a.repeated) for a in channel.spec.attribute],
        )  # fmt: skip
        self._put(packed, written.packed_digest)
        fields: dict[str, Any] = {
            "digest": written.packed_digest, "size": written.size, "plain_digest": written.plain_digest,
            "gzip_digest": written.packed_digest, "gzip_size": written.packed, "basis": basis,
            "items_digest": items_digest, "index_digest": index, "layout_digest": self._blobs.put(layout.encode(where)),
        }  # fmt: skip
        return self._finish(fields, items, repeated)

    def _again(self, head: Head, basis: str, last: FeedVersion, changed: Path | None) -> Built | None:
        """Return None where so much differs that a full build is better, or needs columns that the earlier file lacks."""
        channel = self._program.channel
        before, patch = items_of(self._blobs, last), self._work / "patch.parquet"
        where = layout.decode(self._blobs.path(str(last.layout_digest)).read_bytes())
        if not write_patch(self._connection, self._program, self._products, self._some, before, changed, patch):
            return None
        new = count_filled(self._connection, channel.spec.names, "SELECT * FROM rk_is")
        old = count_filled(self._connection, channel.spec.names, "SELECT * FROM rk_was")
        filled = {name: where.filled[name] - old[name] + count for name, count in new.items()}
        columns = columns_of(channel, filled)
        if columns != columns_of(channel, where.filled):
            return None
        items = Items(before.base, patch, basis)
        edits = edits_of(self._connection, channel, columns, items)
        packed = self._work / "feed.gz"
        with self._reader(last.gzip_digest) as read, Packed(packed, hashed=False) as file:
            splice = Splice(where, read)
            file.add(_gzip.pack(channel.format.begin(head, channel.spec, columns).encode()))
            for piece in _workers.ahead(splice.pieces(edits), _weight):
                if isinstance(piece, Run):
                    for at in range(piece.start, piece.stop, CHUNK):
                        file.copy(read(at, min(CHUNK, piece.stop - at)))
                    file.took(piece.blocks)
                else:
                    file.add(piece)
            file.add(_gzip.pack(channel.format.end.encode()))
        same = self._same_ids()
        index = where.index if same and self._is_there(where.index) else self._make_index(items)
        repeated = where.repeated if same else self._repeated(items)
        now = msgspec.structs.replace(
            where, lengths=splice.lengths.tobytes(), blocks=file.blocks.tobytes(), closed=splice.closed, filled=filled,
            index=index, repeated=repeated,
        )  # fmt: skip
        fields: dict[str, Any] = {
            "digest": file.digest(), "size": file.size,
            "plain_digest": plain_digest(packed, now) if file.size <= SOON else None,
            "gzip_digest": file.digest(), "gzip_size": file.packed_size(), "basis": basis,
            "items_digest": last.items_digest, "patch_digest": self._blobs.put(patch), "index_digest": index,
            "layout_digest": self._blobs.put(layout.encode(now)),
        }  # fmt: skip
        self._put(packed, file.digest())
        return msgspec.structs.replace(
            self._finish(fields, items, repeated), step=(self._kept("was"), self._kept("is"))
        )

    def _kept(self, name: str) -> Path:
        """Return a table of `write_patch` as a file."""
        path = self._work / f"{name}.parquet"
        write_rows(self._connection, f"FROM rk_{name} ORDER BY _id", path)
        return path

    def _finish(self, fields: dict[str, Any], items: Items, repeated: int) -> Built:
        # Where an item was read may have moved without any change of the item.
        moved = items.patch is not None
        findings = collect(self._connection, self._program.checks, items.table(), self._before, moved=moved)
        states = dict(
            self._connection.execute(f"SELECT _state, count(*) FROM ({items.table()}) GROUP BY ALL").fetchall()
        )
        offered = states.get(PUBLISHED, 0) + states.get(BLOCKED, 0)
        missing = {f.attribute: f.count / offered for f in findings if f.code == "missing" and f.severity == "block"}
        fields |= {
            "items": states.get(PUBLISHED, 0), "excluded": states.get(EXCLUDED, 0), "blocked": states.get(BLOCKED, 0),
            "missing": missing,
        }  # fmt: skip
        return Built(fields, findings, repeated, items)

    def _repeated(self, items: Items) -> int:
        """Return how many ids several published items have."""
        ids = f"SELECT id FROM ({items.table('id, _state')}) WHERE _state = {PUBLISHED} GROUP BY id HAVING count(*) > 1"
        row = self._connection.execute(f"SELECT count(*) FROM ({ids})").fetchone()
        return int(row[0]) if row else 0

    def _before(self, ids: str) -> str:
        return self._program.before_checks(f"({self._some(ids)})")

    def _same_ids(self) -> bool:
        """Whether the same ids are published and left out as in the build before."""
        known = "SELECT _id, id, _state FROM"
        row = self._connection.execute(
            f"SELECT count(*) FROM ({known} rk_was) a FULL JOIN ({known} rk_is) b USING (_id) "
            "WHERE a.id IS DISTINCT FROM b.id OR a._state IS DISTINCT FROM b._state"
        ).fetchone()
        return row == (0,)

    def _is_there(self, digest: str) -> bool:
        try:
            self._blobs.path(digest)
        except BlobMissing:
            return False
        return True

    def _make_index(self, items: Items) -> str:
        index = self._work / "index"
        with self._connection.cursor() as cursor:
            _index.write_index(cursor, items.table("id, _id, _state"), index)
        return self._put(index)

    def _put(self, path: Path, digest: str | None = None) -> str:
        return self._blobs.put(path, move=True, digest=digest)

    @contextmanager
    def _reader(self, digest: str) -> Iterator[Callable[[int, int], bytes]]:
        """Give what reads a version's file, counting from behind the gzip header."""
        # Not mapped: a mapping's pages count as the process's memory until it ends.
        with self._blobs.path(digest).open("rb", buffering=0) as file:
            yield lambda at, size: os.pread(file.fileno(), size, at + len(_gzip.HEAD))

    def price_shock(self, new: Items, before: FeedVersion, published: int) -> float:
        """Return the share of the items in both versions whose price moved by half or more; 0 where it cannot be told."""
        try:
            old = items_of(self._blobs, before)
        except BlobMissing:
            return 0.0
        columns = {str(row[0]) for row in self._connection.execute(f"DESCRIBE {old.table()}").fetchall()}
        if "price" not in columns or "price" not in self._program.channel.spec.names:
            return 0.0
        was, now = where_different(self._connection, old, new, "id, _id, _state, price")
        row = self._connection.execute(
            "SELECT count_if(n > 0 AND o > 0 AND (n >= 1.5 * o OR n <= 0.5 * o)), count_if(o IS NULL) FROM "
            f"(SELECT id, rk_number(price) AS n FROM ({now}) WHERE _state = {PUBLISHED}) LEFT JOIN "
            f"(SELECT id, coalesce(rk_number(price), 0) AS o FROM ({was}) WHERE _state = {PUBLISHED}) USING (id)"
        ).fetchone()
        moved, added = (count or 0 for count in row or (0, 0))
        return float(moved) / (published - added) if published > added else 0.0


def _weight(piece: _gzip.Piece | Run) -> int:
    return 0 if isinstance(piece, Run) else len(piece.plain) + len(piece.packed)
