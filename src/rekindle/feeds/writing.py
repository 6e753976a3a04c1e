"""Write a version's items as Parquet: parts on all cores, joined; and what a file needs to know of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import duckdb

from rekindle.feeds import _parquet, _sql, _workers
from rekindle.feeds.channel import Channel
from rekindle.feeds.program import PUBLISHED, Program

GROUP = 4_096
"""Items of a row group of a version's Parquet: the engine holds some of them for each thread while it writes."""
WRITERS = 2
"""Parts that are written at once: each takes a good part of the engine's memory."""
PART = 65_536
"""Items that are worth a part: planning its query takes as long as a few thousand of them."""


class OutOfOrder(RuntimeError):
    """Items are not sorted by id: a file made of them would lack some."""


def write_items(connection: duckdb.DuckDBPyConnection, program: Program, products: str, target: Path) -> None:
    """Write what the program makes of a snapshot as Parquet, in the snapshot's order. Raises `OutOfOrder`."""
    total, conditions = ranges(connection, products)
    parts = [target.with_suffix(f".part{number}") for number in range(len(conditions))]
    program = program.without(_attributes(connection, products))

    def part(where: str, path: Path) -> Callable[[], None]:
        def run() -> None:
            with _workers.ordered(connection) as cursor:
                _copy(cursor, program.items(f"(SELECT * FROM {products} WHERE {where})"), path)

        return run

    with _workers.alone(connection):
        for _ in _workers.in_order(map(part, conditions, parts), WRITERS):
            pass
    _parquet.join(parts, target)
    _in_order(connection, target, total)


def _attributes(connection: duckdb.DuckDBPyConnection, products: str) -> set[str]:
    rows = connection.execute(f"SELECT DISTINCT unnest(map_keys(attributes)) FROM {products}").fetchall()
    return {str(name) for (name,) in rows}


def write_rows(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """Write rows of items as Parquet, in their order. Raises `OutOfOrder`."""
    _copy(connection, query, target)
    _in_order(connection, target)


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    connection.execute(
        f"COPY ({query}) TO {_sql.text(str(target))} "
        f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {GROUP}, PRESERVE_ORDER true)"
    )


def ranges(connection: duckdb.DuckDBPyConnection, products: str) -> tuple[int, Sequence[str]]:
    """Return the number of products, and conditions on ``id`` that part them evenly, in their order."""
    (total,) = connection.execute(f"SELECT count(*) FROM {products}").fetchone() or (0,)
    parts = max(1, min(2 * _workers.count(), total // PART))
    places = ", ".join(str(total * number // parts) for number in range(1, parts))
    bounds = (
        connection.execute(
            f"SELECT id FROM (SELECT id, row_number() OVER () AS place FROM {products}) WHERE place IN ({places}) ORDER BY place"
        ).fetchall()
        if places
        else []
    )
    return total, list(_between([_sql.text(bound) for (bound,) in bounds]))


def _between(bounds: Sequence[str]) -> Iterator[str]:
    for low, high in zip([None, *bounds], [*bounds, None], strict=True):
        yield " AND ".join(
            [*([f"id > {low}"] if low is not None else []), *([f"id <= {high}"] if high is not None else []), "TRUE"]
        )


def _in_order(connection: duckdb.DuckDBPyConnection, items: Path, total: int | None = None) -> None:
    # Settings alone do not keep the order where groups are smaller than those that are read; so it is looked at.
    rows = f"read_parquet({_sql.text(str(items))}, file_row_number = true)"
    before = "lag(_id) OVER (ORDER BY file_row_number)"
    row = connection.execute(
        f"SELECT count_if(_id < before), count(*) FROM (SELECT _id, {before} AS before FROM {rows})"
    ).fetchone()
    wrong, count = row or (0, 0)
    if wrong or (total is not None and count != total):
        raise OutOfOrder(
            f"the table engine wrote {count} items of {total} and {wrong} in another order than it read them; "
            "nothing was published"
        )


def count_filled(connection: duckdb.DuckDBPyConnection, names: Sequence[str], items: str) -> dict[str, int]:
    """Return by attribute how many published items of a relation hold a value."""
    counts = ", ".join(f"count({_sql.name(name)})" for name in names)
    row = connection.execute(f"SELECT {counts} FROM ({items}) WHERE _state = {PUBLISHED}").fetchone() if names else ()
    return dict(zip(names, row or (0,) * len(names), strict=True))


def fill(connection: duckdb.DuckDBPyConnection, names: Sequence[str], items: Path) -> tuple[dict[str, int], set[str]]:
    """Return the same of a Parquet file of items, and the attributes that every published one holds.

    Most hold a value in all items or in none; the file's footer says so, and only the others are read.
    """
    (published,) = connection.execute(
        f"SELECT count(*) FROM {_sql.parquet(items)} WHERE _state = {PUBLISHED}"
    ).fetchone() or (0,)
    told = {
        name: published if nulls == 0 else 0
        for name, values, nulls in connection.execute(
            "SELECT path_in_schema, sum(num_values), sum(stats_null_count) FROM "
            f"parquet_metadata({_sql.text(str(items))}) GROUP BY 1 HAVING count(stats_null_count) = count(*)"
        ).fetchall()
        if nulls in (0, values)
    }
    read = count_filled(connection, [name for name in names if name not in told], f"FROM {_sql.parquet(items)}")
    filled = {name: read[name] if name in read else told[name] for name in names}
    return filled, {name for name, count in filled.items() if count == published}


def columns_of(channel: Channel, filled: dict[str, int]) -> list[str]:
    """Return the attributes that a file has: those that hold a value in any published item, and the required ones."""
    return [a.name for a in channel.spec.attribute if a.required or filled.get(a.name)]


def line_of(channel: Channel, columns: Sequence[str], always: Collection[str] = ()) -> str:
    """Return SQL for an item's text with its line end; NULL for one that is not published.

    ``always`` are attributes that all published items hold: it only saves time to know.
    """
    shape = channel.format
    line = shape.line_full(channel.spec, columns, always) if shape.line_full else shape.line(channel.spec, columns)
    return f"CASE WHEN _state = {PUBLISHED} THEN {line} || chr(10) END"
