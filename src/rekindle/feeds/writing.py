"""Write a version's files in slices, so that memory does not grow with the catalogue and the order is certain."""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.feeds import _gzip, _sql
from rekindle.feeds._text import text_column
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.layout import Block, ends_block
from rekindle.feeds.program import PUBLISHED, Program

SLICE = 10_240
"""Items that are written at once, more or less."""
GROUP = 4_096
"""Items of a row group of a version's Parquet: slices do not end where groups do, and large groups would be read twice."""


class Written(NamedTuple):
    """Sizes in bytes, and where things are (see `layout.Layout`); ``packed`` is 0 when nothing was compressed."""

    size: int
    packed: int
    head: Block
    lengths: array[int]
    blocks: array[int]
    closed: bool


class OutOfOrder(RuntimeError):
    """Items are not sorted by id: a file made of them would lack some."""


class _Slice(NamedTuple):
    where: str
    blocks: Sequence[int]


class _Part(NamedTuple):
    pieces: Sequence[_gzip.Piece]
    lengths: array[int]
    items: Sequence[int]


def write_items(connection: duckdb.DuckDBPyConnection, program: Program, products: str, target: Path) -> None:
    """Write what the program makes of a snapshot as Parquet, in the snapshot's order."""
    write_rows(connection, program.items(products), target)


def write_rows(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """Write rows of items as Parquet, in their order."""
    connection.execute(
        f"COPY ({query}) TO {_sql.text(str(target))} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {GROUP}, PRESERVE_ORDER true)"
    )
    # The setting alone does not keep the order where groups are smaller than those that are read; so it is looked at.
    before = "lag(_id) OVER (ORDER BY file_row_number)"
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT _id, {before} AS before FROM "
        f"read_parquet({_sql.text(str(target))}, file_row_number = true)) WHERE _id < before"
    ).fetchone()
    if row != (0,):
        raise OutOfOrder("the table engine wrote items in another order than it read them; nothing was published")


def count_filled(connection: duckdb.DuckDBPyConnection, channel: Channel, items: str) -> dict[str, int]:
    """Return by attribute how many published items of a relation hold a value."""
    names = channel.spec.names
    counts = ", ".join(f"count({_sql.name(name)})" for name in names)
    row = connection.execute(f"SELECT {counts} FROM ({items}) WHERE _state = {PUBLISHED}").fetchone()
    return dict(zip(names, row or (0,) * len(names), strict=True))


def columns_of(channel: Channel, filled: dict[str, int]) -> list[str]:
    """Return the attributes that a file has: those that hold a value in any published item, and the required ones."""
    return [a.name for a in channel.spec.attribute if a.required or filled.get(a.name)]


def line_of(channel: Channel, columns: Sequence[str]) -> str:
    """Return SQL for an item's text with its line end; NULL for one that is not published."""
    line = channel.format.line(channel.spec, columns)
    return f"CASE WHEN _state = {PUBLISHED} THEN {line} || chr(10) END"


def write_output(
    connection: duckdb.DuckDBPyConnection,
    channel: Channel,
    head: Head,
    items: Path,
    columns: Sequence[str],
    target: Path,
    packed: Path | None = None,
) -> Written:
    """Write the channel's file of the published items of a sorted Parquet, and the same as gzip to ``packed``."""
    shape = channel.format
    query = f"SELECT {line_of(channel, columns)} FROM {_sql.parquet(items)} WHERE "
    make = _gzip.pack if packed is not None else _plain
    slices, closed = _slices(connection, items)

    def part(each: _Slice) -> Callable[[], _Part]:
        def run() -> _Part:
            with connection.cursor() as cursor:
                data, lengths = text_column(cursor, query + each.where)
            if len(lengths) != sum(each.blocks):
                raise OutOfOrder(f"{len(lengths)} items where {sum(each.blocks)} should be; nothing was published")
            pieces, at, row = [], 0, 0
            for count in each.blocks:
                size = sum(lengths[row : row + count])
                pieces.append(make(data[at : at + size]))
                at, row = at + size, row + count
            return _Part(pieces, lengths, each.blocks)

        return run

    begin, end = (make(text.encode()) for text in (shape.begin(head, channel.spec, columns), shape.end))
    lengths, blocks = array("I"), array("I")
    with ExitStack() as stack:
        out = stack.enter_context(target.open("wb"))
        zipped = stack.enter_context(packed.open("wb")) if packed is not None else None
        gzip = _gzip.Gzip(zipped) if zipped is not None else None

        def write(piece: _gzip.Piece) -> None:
            out.write(piece.plain)
            if gzip is not None:
                gzip.add(piece)

        write(begin)
        stack.enter_context(_alone(connection))
        for made in _in_order(map(part, slices)):
            lengths.extend(made.lengths)
            for count, piece in zip(made.items, made.pieces, strict=True):
                blocks.extend((count, len(piece.plain), len(piece.packed)))
                write(piece)
        write(end)
        if gzip is not None:
            gzip.close()
    size = packed.stat().st_size if packed is not None else 0
    return Written(target.stat().st_size, size, Block(0, len(begin.plain), len(begin.packed)), lengths, blocks, closed)


@contextmanager
def _alone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let each query run on its caller's thread: slices are small, and helpers would only get in each other's way."""
    (threads,) = connection.execute("SELECT current_setting('threads')").fetchone() or (1,)
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {int(threads)}")


def _plain(whole: bytes | memoryview) -> _gzip.Piece:
    return _gzip.Piece(whole, b"")


def _in_order(tasks: Iterable[Callable[[], _Part]]) -> Iterator[_Part]:
    """Run tasks on all cores and yield what they make in their order; at most one for each core waits."""
    threads = min(os.cpu_count() or 1, 8)
    running: deque[Future[_Part]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for task in tasks:
                running.append(pool.submit(task))
                if len(running) > threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _slices(connection: duckdb.DuckDBPyConnection, items: Path) -> tuple[list[_Slice], bool]:
    """Return conditions on ``_id`` that part the items into slices of whole blocks, and whether the last is closed."""
    ends: list[tuple[int, str]] = connection.execute(
        f"SELECT file_row_number + 1, _id FROM read_parquet({_sql.text(str(items))}, file_row_number = true) "
        f"WHERE {ends_block('_id')} ORDER BY file_row_number"
    ).fetchall()
    (total,) = connection.execute(f"SELECT count(*) FROM {_sql.parquet(items)}").fetchone() or (0,)
    closed = bool(ends) and ends[-1][0] == total
    found: list[_Slice] = []
    low, before, first, blocks = "", 0, 0, list[int]()
    for place, bound in ends:
        blocks.append(place - before)
        before = place
        if place - first >= SLICE:
            quoted = _sql.text(bound)
            found.append(_Slice(f"{low}_id <= {quoted}", blocks))
            low, first, blocks = f"_id > {quoted} AND ", place, []
    if before < total:
        blocks.append(total - before)
    if blocks:
        found.append(_Slice(f"{low}TRUE", blocks))
    return found, closed
