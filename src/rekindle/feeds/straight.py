"""Write a feed's file in one go: no version, nothing kept, nothing to build on; for a look, or for another program."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb

from rekindle.feeds import _sql, _workers
from rekindle.feeds.channel import Head
from rekindle.feeds.performance import products
from rekindle.feeds.program import PUBLISHED, Program, compile_feed
from rekindle.feeds.writing import columns_of, count_filled, ranges
from rekindle.model.ports import ItemCounts, Snapshot
from rekindle.workspace import Feed, Shop


def write(snapshot: Snapshot, feed: Feed, shop: Shop, target: Path, counts: Iterable[ItemCounts] | None = None) -> None:
    """Write what a build would publish of a snapshot, rules and checks included, and not replace anything before it is whole.

    Raises `UnknownChannel`, `RuleError`.
    """
    program = compile_feed(feed).over(snapshot.base)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".feed-") as name:
        work = Path(name)
        with _sql.connect(work) as engine:
            rows = products(engine, snapshot, counts, work)
            head = Head(shop.title, shop.origins[0] if shop.origins else "", shop.language)
            write_file(engine, program, head, rows, work / "file")
        (work / "file").replace(target)


def write_file(connection: duckdb.DuckDBPyConnection, program: Program, head: Head, rows: str, target: Path) -> None:
    """Write the file of products that are sorted by id (``rows``, a table expression), in parts on all cores.

    Each part is one thread's: together they would write in any order.
    """
    channel, shape = program.channel, program.channel.format
    columns = list(channel.spec.names)
    if not shape.sparse:
        columns = columns_of(channel, count_filled(connection, channel.spec.names, program.items(rows)))
    line = shape.line(channel.spec, columns)
    conditions = ranges(connection, rows)[1]
    parts = [target.with_suffix(f".part{number}") for number in range(len(conditions))]

    def part(where: str, path: Path) -> Callable[[], Path]:
        def run() -> Path:
            items = program.items(f"(SELECT * FROM {rows} WHERE {where})")
            with _workers.ordered(connection) as cursor:
                cursor.execute(
                    f"COPY (SELECT {line} FROM ({items}) WHERE _state = {PUBLISHED}) TO {_sql.text(str(path))} "
                    "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', PRESERVE_ORDER true)"
                )
            return path

        return run

    with target.open("wb") as out, _workers.alone(connection):
        out.write(shape.begin(head, channel.spec, columns).encode())
        for path in _workers.in_order(map(part, conditions, parts)):
            with path.open("rb") as made:
                shutil.copyfileobj(made, out, 1 << 20)
            path.unlink()
        out.write(shape.end.encode())
