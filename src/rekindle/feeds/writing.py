"""Write a version's files in slices, so that memory does not grow with the catalogue and the order is certain."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from rekindle.feeds import _sql
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.program import PUBLISHED, Program

SLICE = 20_480
"""Items that are sorted and written at once, and the row group of a version's Parquet: a slice reads one group."""

_RAW = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"


def write_items(connection: duckdb.DuckDBPyConnection, program: Program, products: str, target: Path) -> None:
    """Write what the program makes of a snapshot as Parquet, in the snapshot's order (by product id)."""
    connection.execute(
        f"COPY ({program.items(products)}) TO {_sql.text(str(target))} "
        f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {SLICE})"
    )


def filled(connection: duckdb.DuckDBPyConnection, channel: Channel, items: Path) -> list[str]:
    """Return the attributes that hold a value in any published item, and the required ones."""
    names = channel.spec.names
    counts = ", ".join(f"count({_sql.name(name)})" for name in names)
    row = connection.execute(f"SELECT {counts} FROM {_sql.parquet(items)} WHERE _state = {PUBLISHED}").fetchone()
    found = dict(zip(names, row or (0,) * len(names), strict=True))
    return [attribute.name for attribute in channel.spec.attribute if attribute.required or found[attribute.name]]


def write_output(
    connection: duckdb.DuckDBPyConnection, channel: Channel, head: Head, items: Path, target: Path
) -> None:
    """Write the channel's file of the published items."""
    columns = filled(connection, channel, items)
    line = channel.line(channel.spec, columns)
    part = target.with_suffix(".part")
    with target.open("wb") as out:
        out.write(channel.begin(head, columns).encode())
        for where in _slices(connection, items):
            connection.execute(
                f"COPY (SELECT {line} FROM {_sql.parquet(items)} WHERE _state = {PUBLISHED} AND {where} "
                f"ORDER BY _id) TO {_sql.text(str(part))} ({_RAW})"
            )
            with part.open("rb") as written:
                shutil.copyfileobj(written, out, 1 << 20)
            part.unlink()
        out.write(channel.end.encode())


def _slices(connection: duckdb.DuckDBPyConnection, items: Path) -> Iterator[str]:
    """Yield conditions on ``_id`` that part the items into slices."""
    numbered = f"read_parquet({_sql.text(str(items))}, file_row_number = true)"
    rows = connection.execute(
        f"SELECT _id FROM {numbered} WHERE file_row_number % {SLICE} = 0 AND file_row_number > 0 ORDER BY _id"
    ).fetchall()
    low = ""
    for (bound,) in rows:
        quoted = _sql.text(bound)
        yield f"{low}_id < {quoted}"
        low = f"_id >= {quoted} AND "
    yield f"{low}TRUE"
