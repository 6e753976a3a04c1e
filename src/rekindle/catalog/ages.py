# ruff: noqa: S608 - table functions take no parameters; names come from our own columns
"""How old what we know of an item is: when its source showed it last, and when price, stock or anything changed.

It is kept beside the snapshot, not in it: the same items must stay the same snapshot however often they are seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from rekindle.catalog import _duck, _tables
from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database

PRICE: Final = ("price", "sale_price", "sale_start_ms", "sale_end_ms", "currency")
STOCK: Final = ("availability", "quantity")


class Age(msgspec.Struct, frozen=True):
    """Of one item in one source, in ms: last seen there, and when each last changed (or was first seen)."""

    source: str
    seen_ms: int
    price_ms: int
    stock_ms: int
    changed_ms: int


def grow_older(
    ages: Path | None, old: Path | None, new: Path, now_ms: int, folder: Path, *, seen: Path | None = None
) -> Path:
    """Return the ages of ``new``'s items, from those of ``old``'s; ``seen`` holds the ids seen now (None: all)."""
    target = folder / "ages.parquet"
    now = int(now_ms)
    with _duck.connect(folder) as engine:
        if old is None:
            query = f"SELECT id, {now} AS seen_ms, {now} AS price_ms, {now} AS stock_ms, {now} AS changed_ms FROM {_duck.parquet(new)}"
        else:
            known = (
                _duck.parquet(ages)
                if ages
                else "(SELECT NULL::VARCHAR AS id, "
                + ", ".join(f"0::BIGINT AS {name}" for name in ("seen_ms", "price_ms", "stock_ms", "changed_ms"))
                + " LIMIT 0)"
            )
            every = [name for name in _duck.COLUMNS if name != "id"]
            was_seen = "TRUE" if seen is None else f"n.id IN (SELECT id FROM {_duck.parquet(seen)})"
            query = (
                f"SELECT n.id AS id, CASE WHEN {was_seen} THEN {now} ELSE coalesce(a.seen_ms, {now}) END AS seen_ms, "
                f"{_since(PRICE, 'price_ms', now)}, {_since(STOCK, 'stock_ms', now)}, {_since(every, 'changed_ms', now)} "
                f"FROM {_duck.parquet(new)} n LEFT JOIN {_duck.parquet(old)} o ON o.id = n.id "
                f"LEFT JOIN {known} a ON a.id = n.id"
            )
        _duck.write_parquet(engine, f"{query} ORDER BY id", target)
    return target


def _since(names: tuple[str, ...] | list[str], column: str, now: int) -> str:
    differs = " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in names)
    return f"CASE WHEN o.id IS NULL OR {differs} THEN {now} ELSE coalesce(a.{column}, {now}) END AS {column}"


class Ages:
    """Answers how old an item is, for pages and commands."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database, self._blobs = database, blobs

    def of(self, workspace: str, identity: str) -> list[Age]:
        """Return the item's age in every source that has it; an import that found nothing new counts as seeing it."""
        table = _tables.sources
        query = sa.select(table).where(table.c.workspace == workspace, table.c.ages_digest.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.source)).all()
        found = []
        with _duck.memory() as engine:
            for row in rows:
                sql = f"SELECT * EXCLUDE (id) FROM {_duck.parquet(self._blobs.path(row.ages_digest))} WHERE id = ?"
                if (values := engine.execute(sql, [identity]).fetchone()) is not None:
                    seen, price, stock, changed = map(int, values)
                    found.append(Age(row.source, max(seen, row.read_ms or 0), price, stock, changed))
        return found
