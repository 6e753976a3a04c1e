# ruff: noqa: S608 - table functions take no parameters; names come from our own columns
"""Put what was read again into a source's part. Nothing is removed: only a whole walk knows that an item is gone.

An item of a product that was read again, and that nobody sells any more (deleted, unpublished, a variant less), is
out of stock from now on, so that no ad shows it; the next whole import removes it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rekindle.catalog import _duck
from rekindle.catalog.files import Files


def rows_over(part: Files, fresh: Path, origins: Collection[str], folder: Path) -> tuple[Path, Path]:
    """Return what to put over the part (a patch), and the ids that were seen now.

    ``origins`` are the products that were read again whole; ``fresh`` holds the items that were read, as
    `rekindle.catalog.staging.stage` writes them.
    """
    target, seen = folder / "over.parquet", folder / "seen.parquet"
    gone = {"availability": "'out_of_stock'", "quantity": "CASE WHEN quantity IS NULL THEN NULL ELSE 0 END"}
    every = (*_duck.COLUMNS, *_duck.PLACE)
    kept = ", ".join(f"{gone[name]} AS {name}" if name in gone else name for name in every)
    with _duck.scratch(folder) as engine:
        engine.execute("CREATE TEMP TABLE again AS SELECT unnest(?::VARCHAR[]) AS origin", [sorted(origins)])
        # Ids first: finding them reads one column, and then few rows are read whole.
        engine.execute(
            f"CREATE TEMP TABLE unsold AS SELECT id FROM {part.table()} SEMI JOIN again USING (origin) "
            f"WHERE origin <> '' AND id NOT IN (SELECT id FROM {_duck.parquet(fresh)})"
        )
        _duck.write_items(
            engine,
            f"SELECT {', '.join(every)}, FALSE AS gone FROM {_duck.parquet(fresh)} "
            f"UNION ALL BY NAME SELECT {kept}, FALSE AS gone FROM {part.table()} SEMI JOIN unsold USING (id)",
            target,
        )
        engine.execute(f"COPY (SELECT id FROM {_duck.parquet(target)}) TO {_duck.text(seen)} (FORMAT parquet)")
    return target, seen


def origins_of(part: Files, keys: Collection[str]) -> dict[str, str]:
    """Return what an item is read again by, for the keys that are ids of items and of nothing else."""
    with _duck.memory() as engine:
        query = (
            f"SELECT id, any_value(origin) FROM {part.table()} WHERE origin <> '' AND id IN (SELECT unnest(?::VARCHAR[])) "
            f"AND id NOT IN (SELECT origin FROM {part.table()}) GROUP BY id"
        )
        return dict(engine.execute(query, [sorted(keys)]).fetchall())
