"""One run of the table engine: items, findings, file, index; whole, or on top of an earlier full build."""

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
from rekindle.feeds import _gzip, _index, _sql, _workers, layout
from rekindle.feeds._files import Files
from rekindle.feeds.channel import Head
from rekindle.feeds.findings import Finding, collect
from rekindle.feeds.items import Items, items_of, where_different
from rekindle.feeds.layout import Layout
from rekindle.feeds.output import write_output
from rekindle.feeds.patching import edits_of, write_patch
from rekindle.feeds.program import BLOCKED, EXCLUDED, PUBLISHED, Program
from rekindle.feeds.splicing import splice
from rekindle.feeds.versions import FeedVersion
from rekindle.feeds.writing import always_filled, columns_of, count_filled, write_items


class Built(msgspec.Struct, frozen=True):
    """What a run made: fields of the version, findings, the number of repeated ids, and the items."""

    fields: dict[str, Any]
    findings: list[Finding]
    repeated: int
    items: Items


class Build:
    """Everything is made in a folder that is removed afterwards; what stays goes to the blob store.

    ``products`` is a relation in the order of ids, ``loose`` the same in any.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, blobs: Blobs, program: Program, products: str, work: Path,
        loose: str,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._blobs = blobs
        self._program = program
        self._products, self._loose = products, loose
        self._work = work

    def run(self, head: Head, basis: str, last: FeedVersion | None, changed: Path | None = None) -> Built:
        """Build on what ``last`` was built on where that saves work, else build everything.

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
        filled = count_filled(self._connection, channel, items.table())
        output, packed = self._work / "feed", self._work / "feed.gz"
        columns, always = columns_of(channel, filled), always_filled(self._connection, items.table(), filled)
        index = self._make_index(items)
        # Copying and hashing the items leaves the engine alone; the index beside the file would need its memory too.
        with ThreadPoolExecutor(1) as pool:
            kept = pool.submit(self._blobs.put, path)
            written = write_output(self._connection, channel, head, path, columns, output, packed, always)
            digests = {
                "digest": self._put(output, written.digest), "gzip_digest": self._put(packed, written.packed_digest),
                "index_digest": index, "items_digest": kept.result(),
            }  # fmt: skip
        where = Layout(
            written.head, written.lengths.tobytes(), written.blocks.tobytes(), written.closed, filled,
            digests["index_digest"], [(a.name, a.header, a.repeated) for a in channel.spec.attribute],
        )  # fmt: skip
        fields: dict[str, Any] = {
            **digests, "size": written.size, "gzip_size": written.packed, "basis": basis,
            "layout_digest": self._blobs.put(layout.encode(where)),
            "base_digest": digests["digest"], "base_gzip_digest": digests["gzip_digest"],
        }  # fmt: skip
        return self._finish(fields, items)

    def _again(self, head: Head, basis: str, last: FeedVersion, changed: Path | None) -> Built | None:
        """Return None where so much differs that a full build is better, or needs columns that the earlier file lacks."""
        channel = self._program.channel
        before, patch = items_of(self._blobs, last), self._work / "patch.parquet"
        base = before.base
        where = layout.decode(self._blobs.path(str(last.layout_digest)).read_bytes())
        if not write_patch(self._connection, self._program, self._loose, before, changed, patch):
            return None
        new = count_filled(self._connection, channel, f"SELECT * FROM {_sql.parquet(patch)}")
        old = count_filled(self._connection, channel, "SELECT * FROM rk_replaced")
        columns = columns_of(channel, {name: where.filled[name] - old[name] + count for name, count in new.items()})
        if columns != columns_of(channel, where.filled):
            return None
        edits = edits_of(self._connection, channel, columns, base, patch)
        items = Items(base, patch, basis)
        output, packed = self._work / "feed", self._work / "feed.gz"
        begin = channel.format.begin(head, channel.spec, columns)
        with (
            self._reader(last.base_digest) as plain,
            self._reader(last.base_gzip_digest) as zipped,
            Files(output, packed) as files,
        ):
            pieces = _around(begin, splice(where, plain, zipped, edits), channel.format.end)
            for piece in _workers.ahead(pieces, _weight):
                files.write(piece)
        (size, packed_size), (digest, packed_digest) = files.sizes(), files.digests()
        fields: dict[str, Any] = {
            "size": size, "gzip_size": packed_size, "basis": basis,
            "digest": self._put(output, digest), "gzip_digest": self._put(packed, packed_digest),
            "index_digest": self._index(where, items), "items_digest": last.items_digest,
            "patch_digest": self._blobs.put(patch), "layout_digest": last.layout_digest,
            "base_digest": last.base_digest, "base_gzip_digest": last.base_gzip_digest,
        }  # fmt: skip
        return self._finish(fields, items)

    def _finish(self, fields: dict[str, Any], items: Items) -> Built:
        table = items.table()
        if items.patch is not None:
            # Where an item was read may have moved without any change of the item.
            table = (
                f'SELECT i.* REPLACE (p."row" AS _row, p.source AS _file) FROM ({table}) i '
                f"JOIN {self._loose} p ON p.id = i._id"
            )
        findings = collect(self._connection, self._program.checks, table, self._before)
        states = dict(
            self._connection.execute(f"SELECT _state, count(*) FROM ({items.table()}) GROUP BY ALL").fetchall()
        )
        offered = states.get(PUBLISHED, 0) + states.get(BLOCKED, 0)
        missing = {f.attribute: f.count / offered for f in findings if f.code == "missing" and f.severity == "block"}
        fields |= {
            "items": states.get(PUBLISHED, 0), "excluded": states.get(EXCLUDED, 0), "blocked": states.get(BLOCKED, 0),
            "missing": missing,
        }  # fmt: skip
        repeated = f"SELECT id FROM ({items.table()}) WHERE _state = {PUBLISHED} GROUP BY id HAVING count(*) > 1"
        row = self._connection.execute(f"SELECT count(*) FROM ({repeated})").fetchone()
        return Built(fields, findings, int(row[0]) if row else 0, items)

    def _before(self, ids: str) -> str:
        return self._program.before_checks(f"(SELECT * FROM {self._loose} WHERE id IN ({ids}))")

    def _index(self, where: Layout, items: Items) -> str:
        """Return the blob of the ids; that of the full build where the same ids are published and left out."""
        known = "SELECT _id, id, _state FROM"
        patch = _sql.parquet(items.patch) if items.patch else ""
        row = self._connection.execute(
            f"SELECT count(*) FROM ({known} rk_replaced) a FULL JOIN ({known} {patch}) b USING (_id) "
            "WHERE a.id IS DISTINCT FROM b.id OR a._state IS DISTINCT FROM b._state"
        ).fetchone()
        if row == (0,):
            try:
                self._blobs.path(where.index)
            except BlobMissing:
                pass
            else:
                return where.index
        return self._make_index(items)

    def _make_index(self, items: Items) -> str:
        index = self._work / "index"
        with self._connection.cursor() as cursor:
            _index.write_index(cursor, items.table(), index)
        return self._put(index)

    def _put(self, path: Path, digest: str | None = None) -> str:
        return self._blobs.put(path, move=True, digest=digest)

    @contextmanager
    def _reader(self, digest: str | None) -> Iterator[Callable[[int, int], bytes]]:
        # Not mapped: a mapping's pages count as the process's memory until it ends.
        with self._blobs.path(digest or "").open("rb", buffering=0) as file:
            yield lambda at, size: os.pread(file.fileno(), size, at)

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


def _weight(piece: _gzip.Piece) -> int:
    return len(piece.plain) + len(piece.packed)


def _around(begin: str, pieces: Iterator[_gzip.Piece], end: str) -> Iterator[_gzip.Piece]:
    yield _gzip.pack(begin.encode())
    yield from pieces
    yield _gzip.pack(end.encode())
