# ruff: noqa: S608 - table functions take no parameters; names come from our own columns
"""Put what was read again into a source's part. Nothing is removed: only a whole walk knows that an item is gone.

An item of a product that was read again, and that nobody sells any more (deleted, unpublished, a variant less), is
out of stock from now on, so that no ad shows it; the next whole import removes it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rekindle.catalog import _duck


def patch(part: Path, fresh: Path, origins: Collection[str], folder: Path) -> tuple[Path, Path]:
    """Return the new part, and the ids that were seen now; ``origins`` are the products that were read again whole.

    ``fresh`` holds the items that were read, as `rekindle.catalog.staging.stage` writes them.
    """
    target, seen = folder / "patched.parquet", folder / "seen.parquet"
    gone = {"availability": "'out_of_stock'", "quantity": "CASE WHEN quantity IS NULL THEN NULL ELSE 0 END"}
    every = (*_duck.COLUMNS, *_duck.PLACE)
    kept = ", ".join(
        f"CASE WHEN gone THEN {gone[name]} ELSE {name} END AS {name}" if name in gone else name for name in every
    )
    with _duck.connect(folder) as engine:
        engine.execute("CREATE TABLE again (origin VARCHAR)")
        engine.execute("INSERT INTO again SELECT unnest(?::VARCHAR[])", [sorted(origins)])
        old = (
            f"SELECT o.*, o.origin <> '' AND o.origin IN (SELECT origin FROM again) AS gone FROM {_duck.parquet(part)} o "
            f"ANTI JOIN {_duck.parquet(fresh)} f ON f.id = o.id"
        )
        query = f"SELECT {', '.join(every)} FROM {_duck.parquet(fresh)} UNION ALL BY NAME SELECT {kept} FROM ({old})"
        _duck.write_parquet(engine, f"SELECT * FROM ({query}) ORDER BY id", target)
        engine.execute(
            f"COPY (SELECT id FROM {_duck.parquet(fresh)} UNION SELECT id FROM ({old}) WHERE gone) "
            f"TO {_duck.text(seen)} (FORMAT parquet)"
        )
    return target, seen


def origins_of(part: Path, keys: Collection[str]) -> dict[str, str]:
    """Return what an item is read again by, for the keys that are ids of items and of nothing else."""
    with _duck.memory() as engine:
        query = (
            f"SELECT id, any_value(origin) FROM {_duck.parquet(part)} WHERE origin <> '' AND id IN (SELECT unnest(?::VARCHAR[])) "
            f"AND id NOT IN (SELECT origin FROM {_duck.parquet(part)}) GROUP BY id"
        )
        return dict(engine.execute(query, [sorted(keys)]).fetchall())
