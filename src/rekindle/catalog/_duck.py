# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through text
"""DuckDB as the engine for tables in bulk: core only, bounded memory, spilling to the work folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from rekindle.model.ports import overlaid

MEMORY: Final = "320MB"
"""What an engine may take; a million items of many texts can be sorted with that, and no more than one thread."""

COLUMNS: Final = {
    "id": "VARCHAR",
    "title": "VARCHAR",
    "group_id": "VARCHAR",
    "description": "VARCHAR",
    "link": "VARCHAR",
    "mobile_link": "VARCHAR",
    "image_link": "VARCHAR",
    "additional_image_links": "VARCHAR[]",
    "price": "DECIMAL(18,4)",
    "sale_price": "DECIMAL(18,4)",
    "sale_start_ms": "BIGINT",
    "sale_end_ms": "BIGINT",
    "currency": "VARCHAR",
    "availability": "VARCHAR",
    "quantity": "BIGINT",
    "brand": "VARCHAR",
    "gtin": "VARCHAR",
    "mpn": "VARCHAR",
    "condition": "VARCHAR",
    "google_category": "VARCHAR",
    "product_type": "VARCHAR",
    "color": "VARCHAR",
    "size": "VARCHAR",
    "material": "VARCHAR",
    "pattern": "VARCHAR",
    "gender": "VARCHAR",
    "age_group": "VARCHAR",
    "shipping_weight": "VARCHAR",
    "custom_labels": "VARCHAR[]",
    "attributes": "MAP(VARCHAR, VARCHAR)",
}
"""The columns of a snapshot that come from `Product`, in its order; `PLACE` follows."""

PRINT: Final = f"hash({', '.join(name for name in COLUMNS if name != 'id')})"
"""SQL that tells items of one id apart by everything but where they were read; good within one version of the engine."""

ENGINE: Final = f"duckdb {duckdb.__version__}"

PLACE: Final = ("source", "row", "origin")
"""Where an item comes from: source, row, and the account's own id of what is read again to see it again."""


_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{FFFE}\x{FFFF}]"
_UNCLEAN = _CONTROL + r"|^[ \t\r\n]|[ \t\r\n]$"


def connect(folder: Path, memory: str = MEMORY, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Open an engine whose tables and spills live in ``folder``; nothing is ever loaded from the network."""
    return duckdb.connect(
        str(folder / "work.duckdb"),
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        },
    )


def scratch(folder: Path, memory: str = MEMORY, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Open an engine for tables that mostly fit into memory; they spill to ``folder``."""
    return duckdb.connect(
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        },
    )


def text(value: object) -> str:
    """Return ``value`` as an SQL string literal, for places where DuckDB takes no parameter."""
    return "'" + str(value).replace("'", "''") + "'"


def parquet(path: Path) -> str:
    """Return the table function that reads a Parquet file."""
    return f"read_parquet({text(path)})"


def write_items(engine: duckdb.DuckDBPyConnection, query: str, target: Path, *, sort: bool = True) -> None:
    """Write the query's items as zstd Parquet, sorted by id, each with its fingerprint; the same rows give the same bytes.

    ``sort`` is not needed where they come in that order, from an engine that keeps it.

    The items must come from `clean`ed texts: the file says so, and its readers need not clean again. Groups are small
    enough that several cores read even a small catalogue. A query with ``gone`` makes a patch (`model.ports.overlaid`).
    """
    # Every thread of a sort keeps blocks of its own, and two take more processor time than one.
    engine.execute("SET threads = 1")
    engine.execute(
        f"COPY (SELECT *, {PRINT} AS print FROM ({query}) {'ORDER BY id' if sort else ''}) TO {text(target)} (FORMAT parquet, "
        f"COMPRESSION zstd, ROW_GROUP_SIZE 20480, KV_METADATA {{rekindle: 'clean', prints: {text(ENGINE)}}})"
    )
    engine.execute("SET threads = 2")


def printed(engine: duckdb.DuckDBPyConnection, base: Path, patch: Path | None = None) -> str:
    """Return SQL for items with their fingerprints (``print``), made anew where another engine made those in the files."""
    table = overlaid(base, patch)
    if all(_made_here(engine, path) for path in (base, patch) if path is not None):
        return table
    columns = {row[0] for row in engine.execute(f"DESCRIBE FROM {table}").fetchall()}
    return f"(SELECT * {'EXCLUDE (print)' if 'print' in columns else ''}, {PRINT} AS print FROM {table})"


def _made_here(engine: duckdb.DuckDBPyConnection, path: Path) -> bool:
    query = f"SELECT decode(value) FROM parquet_kv_metadata({text(path)}) WHERE key = 'prints'"
    return engine.execute(query).fetchone() == (ENGINE,)


def clean(value: str) -> str:
    """Return SQL for a text without outer blanks and without what XML 1.0 forbids; tab and line ends inside stay.

    Searching is many times faster than replacing, and most texts need neither.
    """
    return (
        f"CASE WHEN regexp_matches({value}, {text(_UNCLEAN)}) "
        f"THEN trim(regexp_replace({value}, {text(_CONTROL)}, '', 'g'), ' ' || chr(9) || chr(10) || chr(13)) "
        f"ELSE {value} END"
    )


def memory() -> duckdb.DuckDBPyConnection:
    """Open an engine without files, for one small question."""
    return duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "threads": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
