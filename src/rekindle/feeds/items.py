"""A version's items: those of a full build, and over them those that a later build made anew."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.engines.blobs import Blobs
from rekindle.feeds import _sql
from rekindle.feeds.program import GONE
from rekindle.feeds.versions import FeedVersion


class Items(NamedTuple):
    """``base`` is the Parquet of a full build, ``patch`` that of the items which differ from it; by ``_id``.

    ``basis`` names what made them (see `program.basis`); equal fingerprints mean equal items only where it is the same.
    """

    base: Path
    patch: Path | None = None
    basis: str = ""

    def table(self) -> str:
        """Return all items as a relation."""
        base = f"SELECT * FROM {_sql.parquet(self.base)}"
        if self.patch is None:
            return base
        patch = _sql.parquet(self.patch)
        return (
            f"{base} ANTI JOIN (SELECT _id FROM {patch}) USING (_id) "
            f"UNION ALL BY NAME SELECT * FROM {patch} WHERE _state <> {GONE}"
        )


def items_of(blobs: Blobs, version: FeedVersion) -> Items:
    """Return a version's items. Raises `BlobMissing`."""
    patch = blobs.path(version.patch_digest) if version.patch_digest else None
    return Items(blobs.path(version.items_digest), patch, version.basis or "")


def where_different(engine: duckdb.DuckDBPyConnection, old: Items, new: Items, columns: str = "*") -> tuple[str, str]:
    """Return the items of both versions without many, or any, that are equal in both, as relations.

    ``columns`` are those that are needed of them, ``_id`` among them.
    """
    if not old.basis or old.basis != new.basis:
        return tuple(f"SELECT {columns} FROM ({each.table()})" for each in (old, new))  # type: ignore[return-value]
    if old.base == new.base:
        return _of_one_base(engine, old, new, columns)
    a, b = (f"(SELECT _id, _hash FROM ({each.table()}))" for each in (old, new))
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_ids AS SELECT coalesce(a._id, b._id) AS _id FROM {a} a "
        f"FULL JOIN {b} b ON a._id = b._id WHERE a._hash IS DISTINCT FROM b._hash"
    )
    first, second = (f"SELECT {columns} FROM ({each.table()}) SEMI JOIN rk_ids USING (_id)" for each in (old, new))
    return first, second


def _of_one_base(engine: duckdb.DuckDBPyConnection, old: Items, new: Items, columns: str) -> tuple[str, str]:
    # Only what either patched can differ. The base, which may be large, is read once for both.
    patches = [_sql.parquet(path) for path in (old.patch, new.patch) if path is not None]
    ids = " UNION ".join(f"SELECT _id FROM {patch}" for patch in patches) or "SELECT '' AS _id WHERE FALSE"
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_base AS SELECT {columns} FROM {_sql.parquet(new.base)} SEMI JOIN ({ids}) USING (_id)"
    )

    def side(patch: Path | None) -> str:
        if patch is None:
            return "SELECT * FROM rk_base"
        rows = _sql.parquet(patch)
        return (
            f"SELECT * FROM rk_base ANTI JOIN (SELECT _id FROM {rows}) USING (_id) "
            f"UNION ALL BY NAME SELECT {columns} FROM {rows} WHERE _state <> {GONE}"
        )

    return side(old.patch), side(new.patch)
