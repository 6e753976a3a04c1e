"""What the tag saw, a feed's items and the catalogue, side by side in the table engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.items import Items
from rekindle.feeds.program import PUBLISHED

AT_ONCE = 1000
"""Rows that are taken from a table at once."""


@contextmanager
def working(folder: Path | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open an engine with a folder of its own, which goes with it."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="quality-") as name, _sql.connect(Path(name)) as engine:
        yield engine, Path(name)


def put(
    engine: duckdb.DuckDBPyConnection,
    table: str,
    kind: type[msgspec.Struct],
    rows: Iterable[msgspec.Struct],
    work: Path,
) -> None:
    """Make a table of structs whose fields are texts and whole numbers; rows go through a file, not through memory."""
    path = work / f"{table}.jsonl"
    encoder = msgspec.json.Encoder()
    with path.open("wb") as out:
        for row in rows:
            out.write(encoder.encode(row) + b"\n")
    columns = ", ".join(f"{field.name}: '{_type(field.type)}'" for field in msgspec.structs.fields(kind))
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM read_json({_sql.text(str(path))}, "
        f"format = 'newline_delimited', columns = {{{columns}}})"
    )
    path.unlink()


def _type(hint: Any) -> str:
    return "BIGINT" if hint is int else "VARCHAR"


def published(items: Items) -> str:
    """Return a version's published items as a relation."""
    return f"SELECT * FROM ({items.table()}) WHERE _state = {PUBLISHED}"


def columns_of(engine: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    """Return the names of a relation's columns."""
    return {str(row[0]) for row in engine.execute(f"DESCRIBE {relation}").fetchall()}


def one(engine: duckdb.DuckDBPyConnection, query: str) -> Any:
    """Return the only value of a query that has one row."""
    row = engine.execute(query).fetchone()
    return row[0] if row else None
