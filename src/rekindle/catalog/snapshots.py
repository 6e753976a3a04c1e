# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""Every state the catalogue was in, and which one is live."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.catalog import _duck, _tables
from rekindle.catalog.changes import ChangeSet, ChangeSummary, chained, compare
from rekindle.catalog.files import Files
from rekindle.catalog.values import money
from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.ports import Snapshot
from rekindle.model.product import Product

KEEP = 30
"""Snapshots kept besides the live one; older ones go with their files."""

STEPS = 20
"""Successive changes that are put together; beyond, comparing two states costs no more."""

_FILES = ("base_digest", "patch_digest", "offers_digest", "offers_patch_digest", "changed_digest")
"""Columns of a snapshot's row that name blobs, besides its digest, which is one when it has no other base."""

_summary = msgspec.msgpack.Decoder(ChangeSummary)


class Kept(msgspec.Struct, frozen=True):
    """One line of the catalogue's history."""

    digest: str
    items: int
    taken_ms: int
    previous: str | None
    changes: ChangeSummary
    live: bool


class SnapshotStore:
    """The port `Snapshots`, and the history behind it."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database, self._blobs = database, blobs

    def current(self, workspace: str) -> Snapshot | None:
        """Return the live snapshot, or None before the first import. Raises `BlobMissing` when its file is lost."""
        with self._database.read() as connection:
            row = connection.execute(_live_row(workspace)).first()
        return self._snapshot(row) if row else None

    def get(self, workspace: str, digest: str) -> Snapshot:
        """Return a snapshot of the history by its digest or the digest's beginning. Raises `BlobMissing`."""
        table = _tables.snapshots
        with self._database.read() as connection:
            query = sa.select(table).where(
                table.c.workspace == workspace, table.c.digest.startswith(digest, autoescape=True)
            )
            rows = connection.execute(query.limit(2)).all()
        if len(rows) != 1:
            raise BlobMissing(digest)
        return self._snapshot(rows[0])

    def offers_digests(self, workspace: str) -> tuple[str, ...]:
        """Return the blobs of the live snapshot's index of offers: its patch's first, then its base's."""
        with self._database.read() as connection:
            row = connection.execute(_live_row(workspace)).first()
        if row is None:
            return ()
        return (row.offers_patch_digest, row.offers_digest) if row.offers_patch_digest else (row.offers_digest,)

    def live(self, connection: Connection, workspace: str) -> Any:
        """Return the live snapshot's row, or None."""
        return connection.execute(_live_row(workspace)).first()

    def files(self, row: Any) -> Files:
        """Return the files of a snapshot's row."""
        patch = self._blobs.path(row.patch_digest) if row.patch_digest else None
        return Files(self._blobs.path(row.base_digest or row.digest), patch, int(row.items))

    def history(self, workspace: str, limit: int = 20) -> list[Kept]:
        """Return the newest states first, each with what changed from the one before."""
        table = _tables.snapshots
        with self._database.read() as connection:
            current = connection.execute(
                sa.select(_tables.live.c.digest).where(_tables.live.c.workspace == workspace)
            ).scalar()
            query = sa.select(table).where(table.c.workspace == workspace)
            rows = connection.execute(query.order_by(table.c.taken_ms.desc(), table.c.digest).limit(limit)).all()
        return [
            Kept(row.digest, row.items, row.taken_ms, row.previous, _summary.decode(row.changes), row.digest == current)
            for row in rows
        ]

    def changes(self, workspace: str, old: str | None, new: str, limit: int | None = None) -> ChangeSet:
        """Compare any two kept snapshots; ``limit`` bounds each list. Raises `BlobMissing`."""
        found = [self.get(workspace, digest) for digest in (new, *([old] if old else []))]
        after, *before = (Files(each.base, each.patch, each.items) for each in found)
        with tempfile.TemporaryDirectory(prefix="rekindle-changes-") as work, _duck.scratch(Path(work)) as engine:
            return compare(engine, before[0] if before else None, after, limit)[1]

    def changed(self, workspace: str, old: str, new: str, folder: Path) -> Path | None:
        """See `rekindle.model.ports.Snapshots.changed`; the states between are put together, at most `STEPS`."""
        table = _tables.snapshots
        with self._database.read() as connection:
            query = sa.select(table.c.digest, table.c.previous, table.c.changed_digest)
            rows = {row.digest: row for row in connection.execute(query.where(table.c.workspace == workspace))}
        steps: list[str] = []
        at = new
        while at != old:
            row = rows.get(at)
            if row is None or row.previous is None or row.changed_digest is None or len(steps) == STEPS:
                return None
            steps.append(row.changed_digest)
            at = row.previous
        try:
            return chained([self._blobs.path(step) for step in reversed(steps)], folder)
        except BlobMissing:
            return None

    def product(self, workspace: str, identity: str) -> tuple[Product, str, int] | None:
        """Return an item of the live snapshot with the source and row it came from, or None."""
        return next(iter(self._read(workspace, "WHERE id = ?", [identity])), None)

    def products(self, workspace: str, limit: int) -> list[Product]:
        """Return the first items of the live snapshot, by id; none before the first import."""
        return [product for product, _, _ in self._read(workspace, "ORDER BY id LIMIT ?", [limit])]

    def _read(self, workspace: str, clause: str, values: list[Any]) -> Iterator[tuple[Product, str, int]]:
        snapshot = self.current(workspace)
        if snapshot is None:
            return
        columns = [*_duck.COLUMNS, "source", "row"]
        with _duck.memory() as engine:
            query = f"SELECT {', '.join(columns)} FROM {snapshot.table()} {clause}"
            rows = engine.execute(query, values).fetchall()
        for row in rows:
            given: dict[str, Any] = dict(zip(columns, row, strict=True))
            source, number = given.pop("source"), given.pop("row")
            product = Product(**{name: value for name, value in given.items() if value is not None})
            if product.price is not None:
                product.price = money(product.price)
            if product.sale_price is not None:
                product.sale_price = money(product.sale_price)
            yield product, source, number

    def add(self, connection: Connection, workspace: str, digest: str, values: Mapping[str, Any]) -> set[str]:
        """Record a state (columns of ``catalog_snapshots``) and make it the live one, in the caller's transaction.

        Returns the blobs that its row named so far, when it was there before: `release` them once the transaction is through.
        """
        table = _tables.snapshots
        mine = (table.c.workspace == workspace) & (table.c.digest == digest)
        known = connection.execute(sa.select(*(table.c[name] for name in _FILES)).where(mine)).first()
        previous = connection.execute(
            sa.select(_tables.live.c.digest).where(_tables.live.c.workspace == workspace)
        ).scalar()
        columns = {**values, "previous": previous}
        insert = upsert(table, self._database.dialect).values({"workspace": workspace, "digest": digest} | columns)
        connection.execute(insert.on_conflict_do_update(index_elements=["workspace", "digest"], set_=columns))
        pointer = {"digest": digest, "since_ms": values["taken_ms"]}
        insert = upsert(_tables.live, self._database.dialect).values(pointer | {"workspace": workspace})
        connection.execute(insert.on_conflict_do_update(index_elements=["workspace"], set_=pointer))
        return {blob for blob in known or () if blob}

    def trim(self, workspace: str, keep: int = KEEP) -> int:
        """Forget the oldest states beyond ``keep``, never the live one; return how many. Files go when nobody uses them."""
        table = _tables.snapshots
        with self._database.begin() as connection:
            live = sa.select(_tables.live.c.digest).where(_tables.live.c.workspace == workspace)
            query = sa.select(table.c.digest, *(table.c[name] for name in _FILES)).where(
                table.c.workspace == workspace, table.c.digest.not_in(live)
            )
            old = connection.execute(query.order_by(table.c.taken_ms.desc()).offset(keep)).all()
            for row in old:
                connection.execute(sa.delete(table).where(table.c.workspace == workspace, table.c.digest == row.digest))
        if old:
            self.release({digest for row in old for digest in row if digest})
        return len(old)

    def release(self, digests: Collection[str]) -> None:
        """Remove the files of these digests that nothing names any more."""
        with self._database.begin() as connection:  # nobody may name them again between the question and the removal
            for digest in digests:
                if not _used(connection, digest):
                    self._blobs.remove(digest)

    def _snapshot(self, row: Any) -> Snapshot:
        files = self.files(row)
        return Snapshot(row.workspace, row.digest, files.base, row.items, row.taken_ms, files.patch)


def _live_row(workspace: str) -> sa.Select[Any]:
    snapshots, live = _tables.snapshots, _tables.live
    joined = snapshots.join(live, (live.c.workspace == snapshots.c.workspace) & (live.c.digest == snapshots.c.digest))
    return sa.select(snapshots).select_from(joined).where(snapshots.c.workspace == workspace)


def _used(connection: Connection, digest: str) -> bool:
    """Return whether any workspace still names the blob: equal bytes are stored once for all of them."""
    snapshots, sources = _tables.snapshots, _tables.sources
    columns = [snapshots.c[name] for name in ("digest", *_FILES)]
    columns += [sources.c[name] for name in ("digest", "patch_digest", "ages_digest", "ages_patch_digest")]
    return any(
        connection.execute(sa.select(sa.literal(1)).where(column == digest).limit(1)).first() for column in columns
    )
