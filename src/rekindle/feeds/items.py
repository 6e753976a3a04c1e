"""A version's items: those of a full build, and over them those that a later build made anew."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

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

    def only(self, ids: str) -> str:
        """Return the items whose ``_id`` is in a relation."""
        return f"SELECT * FROM ({self.table()}) SEMI JOIN ({ids}) USING (_id)"


def items_of(blobs: Blobs, version: FeedVersion) -> Items:
    """Return a version's items. Raises `BlobMissing`."""
    patch = blobs.path(version.patch_digest) if version.patch_digest else None
    return Items(blobs.path(version.items_digest), patch, version.basis or "")


def where_different(old: Items, new: Items) -> tuple[str, str]:
    """Return the items of both versions without many, or any, that are equal in both, as relations."""
    if not old.basis or old.basis != new.basis:
        return old.table(), new.table()
    if old.base == new.base:
        patches = [_sql.parquet(path) for path in (old.patch, new.patch) if path is not None]
        ids = (
            " UNION ".join(f"SELECT _id FROM {patch}" for patch in patches) or "SELECT NULL::VARCHAR AS _id WHERE FALSE"
        )
    else:
        a, b = (f"(SELECT _id, _hash FROM ({each.table()}))" for each in (old, new))
        ids = (
            f"SELECT coalesce(a._id, b._id) AS _id FROM {a} a FULL JOIN {b} b ON a._id = b._id "
            "WHERE a._hash IS DISTINCT FROM b._hash"
        )
    return old.only(ids), new.only(ids)
