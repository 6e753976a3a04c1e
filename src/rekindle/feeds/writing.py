"""Write a version's files in slices, so that memory does not grow with the catalogue and the order is certain."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.feeds import _gzip, _sql
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.program import PUBLISHED, Program

SLICE = 10_240
"""Items that are written at once, and the row group of a version's Parquet: a slice reads one group or two."""


class Written(NamedTuple):
    """Sizes in bytes; ``packed`` is 0 when nothing was compressed."""

    size: int
    packed: int


def write_items(connection: duckdb.DuckDBPyConnection, program: Program, products: str, target: Path) -> None:
    """Write what the program makes of a snapshot as Parquet.

    The groups come in any order: keeping it would cost memory, and the engine does not keep it for every query.
    """
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
    connection: duckdb.DuckDBPyConnection,
    channel: Channel,
    head: Head,
    items: Path,
    target: Path,
    packed: Path | None = None,
) -> Written:
    """Write the channel's file of the published items, and the same as gzip to ``packed``."""
    columns = filled(connection, channel, items)
    shape = channel.format
    line = shape.line(channel.spec, columns)
    query = f"SELECT encode({line}), _id FROM {_sql.parquet(items)} WHERE _state = {PUBLISHED} AND "
    make = _gzip.pack if packed is not None else _plain

    def text(whole: str) -> Callable[[], _gzip.Piece]:
        return lambda: make(whole.encode())

    def part(where: str) -> Callable[[], _gzip.Piece]:
        def run() -> _gzip.Piece:
            with connection.cursor() as cursor:
                rows = cursor.execute(query + where).fetchall()
            # Mostly sorted already, which costs next to nothing here; the engine's sort would move the texts.
            rows.sort(key=itemgetter(1))
            return make(b"".join(piece for row in rows for piece in (row[0], b"\n")))

        return run

    tasks = [text(shape.begin(head, channel.spec, columns)), *map(part, _slices(connection, items)), text(shape.end)]
    with ExitStack() as stack:
        out = stack.enter_context(target.open("wb"))
        zipped = stack.enter_context(packed.open("wb")) if packed is not None else None
        gzip = _gzip.Gzip(zipped) if zipped is not None else None
        for piece in _in_order(tasks):
            out.write(piece.plain)
            if gzip is not None:
                gzip.add(piece)
        if gzip is not None:
            gzip.close()
    return Written(target.stat().st_size, packed.stat().st_size if packed is not None else 0)


def _plain(whole: bytes) -> _gzip.Piece:
    return _gzip.Piece(whole, b"")


def _in_order(tasks: Iterable[Callable[[], _gzip.Piece]]) -> Iterator[_gzip.Piece]:
    """Run tasks on all cores and yield what they make in their order; at most one for each core waits."""
    threads = min(os.cpu_count() or 1, 8)
    running: deque[Future[_gzip.Piece]] = deque()
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


def _slices(connection: duckdb.DuckDBPyConnection, items: Path) -> Iterator[str]:
    """Yield conditions on ``_id`` that part the items into slices."""
    ranked = f"SELECT _id, row_number() OVER (ORDER BY _id) AS place FROM {_sql.parquet(items)}"
    rows = connection.execute(
        f"SELECT _id FROM ({ranked}) WHERE place % {SLICE} = 1 AND place > 1 ORDER BY _id"
    ).fetchall()
    low = ""
    for (bound,) in rows:
        quoted = _sql.text(bound)
        yield f"{low}_id < {quoted}"
        low = f"_id >= {quoted} AND "
    yield f"{low}TRUE"
