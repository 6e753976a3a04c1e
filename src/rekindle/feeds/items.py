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

    def table(self, columns: str = "*") -> str:
        """Return all items as a relation."""
        base = f"SELECT {columns} FROM {_sql.parquet(self.base)}"
        if self.patch is None:
            return base
        return f"{base} ANTI JOIN (SELECT _id FROM {_sql.parquet(self.patch)}) USING (_id) UNION ALL BY NAME {self.patched(columns)}"

    def some(self, ids: str, columns: str = "*") -> str:
        """Return the items whose ``_id`` is in a relation. No more of the files is read than needed."""
        base = f"SELECT {columns} FROM {_sql.parquet(self.base)} SEMI JOIN {ids} USING (_id)"
        if self.patch is None:
            return base
        only = f"(FROM {ids} ANTI JOIN (SELECT _id FROM {_sql.parquet(self.patch)}) USING (_id))"
        base = f"SELECT {columns} FROM {_sql.parquet(self.base)} SEMI JOIN {only} USING (_id)"
        return f"{base} UNION ALL BY NAME FROM ({self.patched(columns)} AND _id IN (SELECT _id FROM {ids}))"

    def patched(self, columns: str) -> str:
        """Return the patch's items that are there, with a condition that more may follow."""
        # What a patch has beside the columns of its base says where its items go.
        columns = "COLUMNS(c -> c NOT IN ('_place', '_over'))" if columns == "*" else columns
        return f"SELECT {columns} FROM {_sql.parquet(self.patch or self.base)} WHERE _state <> {GONE}"


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
    # Only what either patched can differ, and not where both did alike. The base, which may be large, is read once.
    marks = [
        f"(SELECT _id, hash(_hash, _state) AS mark FROM {_sql.parquet(path)})"
        if path
        else "(SELECT '' AS _id, 0 AS mark WHERE FALSE)"
        for path in (old.patch, new.patch)
    ]
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_ids AS SELECT _id FROM {marks[0]} a FULL JOIN {marks[1]} b USING (_id) "
        "WHERE a.mark IS DISTINCT FROM b.mark"
    )
    both = " INTERSECT ".join(
        f"SELECT _id FROM {_sql.parquet(path)}" if path else "SELECT '' AS _id WHERE FALSE"
        for path in (old.patch, new.patch)
    )
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_base AS SELECT {columns} FROM {_sql.parquet(new.base)} "
        f"SEMI JOIN (FROM rk_ids ANTI JOIN ({both}) USING (_id)) USING (_id)"
    )

    def side(items: Items) -> str:
        if items.patch is None:
            return "SELECT * FROM rk_base"
        return (
            f"SELECT * FROM rk_base ANTI JOIN (SELECT _id FROM {_sql.parquet(items.patch)}) USING (_id) "
            f"UNION ALL BY NAME FROM ({items.patched(columns)} AND _id IN (SELECT _id FROM rk_ids))"
        )

    return side(old), side(new)
