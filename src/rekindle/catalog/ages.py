# ruff: noqa: S608 - table functions take no parameters; names come from our own columns
"""How old what we know of an item is: when its source showed it last, and when price, stock or anything changed.

It is kept beside the snapshot, not in it: the same items must stay the same snapshot however often they are seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb
import msgspec
import sqlalchemy as sa

from rekindle.catalog import _duck, _tables
from rekindle.catalog.files import Files
from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.model.ports import SourceAges, overlaid

PRICE: Final = ("price", "sale_price", "sale_start_ms", "sale_end_ms", "currency")
STOCK: Final = ("availability", "quantity")


class Age(msgspec.Struct, frozen=True):
    """Of one item in one source, in ms: last seen there, and when each last changed (or was first seen)."""

    source: str
    seen_ms: int
    price_ms: int
    stock_ms: int
    changed_ms: int


def first_seen(
    engine: duckdb.DuckDBPyConnection, ages: str | None, old: str | None, new: str, now_ms: int, target: Path
) -> None:
    """Write the ages of all items of ``new`` (relations: ``ages`` and ``old`` are of the state before) as Parquet."""
    now = int(now_ms)
    if old is None:
        query = f"SELECT id, {now} AS seen_ms, {now} AS price_ms, {now} AS stock_ms, {now} AS changed_ms FROM {new}"
    else:
        signs = f"id, hash({', '.join(PRICE)}) AS prices, hash({', '.join(STOCK)}) AS stocks, print"
        query = (
            f"SELECT n.id AS id, {now} AS seen_ms, {_since('prices', 'price_ms', now)}, {_since('stocks', 'stock_ms', now)}, "
            f"{_since('print', 'changed_ms', now)} FROM (SELECT {signs} FROM {new}) n "
            f"LEFT JOIN (SELECT {signs} FROM {old}) o ON o.id = n.id LEFT JOIN {ages or _NONE} a ON a.id = n.id"
        )
    write_ages(engine, query, target)


def grow_older(engine: duckdb.DuckDBPyConnection, ages: Files, seen: Path | None, now_ms: int, target: Path) -> int:
    """Write the new patch of ages as Parquet, after the table ``step`` (`overlay.Steps`), and return its size.

    ``seen`` holds the ids that were seen now. Without it all were; that is kept with the source, not with each item.
    """
    now = int(now_ms)
    known = "FALSE" if seen is None else f"t.id IN (SELECT id FROM {_duck.parquet(seen)})"
    touched = "SELECT id, gone, was IS DISTINCT FROM now AS changed, price, stock FROM step"
    if seen is not None:
        touched += f" UNION ALL SELECT id, FALSE, FALSE, FALSE, FALSE FROM {_duck.parquet(seen)} ANTI JOIN (SELECT id FROM step) USING (id)"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE touched AS {touched}")
    query = (
        f"SELECT t.id AS id, CASE WHEN {known} OR t.changed THEN {now} ELSE coalesce(a.seen_ms, {now}) END AS seen_ms, "
        f"CASE WHEN t.price THEN {now} ELSE coalesce(a.price_ms, {now}) END AS price_ms, "
        f"CASE WHEN t.stock THEN {now} ELSE coalesce(a.stock_ms, {now}) END AS stock_ms, "
        f"CASE WHEN t.changed THEN {now} ELSE coalesce(a.changed_ms, {now}) END AS changed_ms, t.gone AS gone "
        f"FROM touched t LEFT JOIN (FROM {ages.table()} SEMI JOIN (SELECT id FROM touched) USING (id)) a ON a.id = t.id"
    )
    if ages.patch is not None:
        query += f" UNION ALL BY NAME SELECT * FROM {_duck.parquet(ages.patch)} ANTI JOIN (SELECT id FROM touched) USING (id)"
    write_ages(engine, query, target)
    (size,) = engine.execute(f"SELECT count(*) FROM {_duck.parquet(target)}").fetchone() or (0,)
    return int(size)


def write_ages(engine: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """Write rows of ages as Parquet."""
    engine.execute(
        f"COPY (SELECT * FROM ({query}) ORDER BY id) TO {_duck.text(target)} "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)"
    )


_NONE: Final = (
    "(SELECT NULL::VARCHAR AS id, "
    + ", ".join(f"0::BIGINT AS {name}" for name in ("seen_ms", "price_ms", "stock_ms", "changed_ms"))
    + " LIMIT 0)"
)


def _since(sign: str, column: str, now: int) -> str:
    return f"CASE WHEN o.id IS NULL OR o.{sign} <> n.{sign} THEN {now} ELSE coalesce(a.{column}, {now}) END AS {column}"


class Ages:
    """Answers how old an item is, for pages and commands."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database, self._blobs = database, blobs

    def sources(self, workspace: str) -> list[SourceAges]:
        """See `model.ports.ItemAges.sources`. Raises `BlobMissing` when a file is lost."""
        table = _tables.sources
        query = sa.select(table).where(table.c.workspace == workspace, table.c.ages_digest.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.source)).all()
        found = []
        for row in rows:
            patch = self._blobs.path(row.ages_patch_digest) if row.ages_patch_digest else None
            found.append(SourceAges(row.source, overlaid(self._blobs.path(row.ages_digest), patch), row.read_ms or 0))
        return found

    def of(self, workspace: str, identity: str) -> list[Age]:
        """Return the item's age in every source that has it; an import that found nothing new counts as seeing it."""
        found = []
        with _duck.memory() as engine:
            for each in self.sources(workspace):
                sql = f"SELECT seen_ms, price_ms, stock_ms, changed_ms FROM {each.relation} WHERE id = ?"
                if (values := engine.execute(sql, [identity]).fetchone()) is not None:
                    seen, price, stock, changed = map(int, values)
                    found.append(Age(each.source, max(seen, each.read_ms), price, stock, changed))
        return found
