"""Write a feed's file in one go: no version, nothing kept, nothing to build on; for a look, or for another program."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import duckdb

from rekindle.feeds import _sql
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.performance import products
from rekindle.feeds.program import PUBLISHED, compile_feed
from rekindle.feeds.writing import columns_of, count_filled
from rekindle.model.ports import ItemCounts, Snapshot
from rekindle.workspace import Feed, Shop


def write(snapshot: Snapshot, feed: Feed, shop: Shop, target: Path, counts: Iterable[ItemCounts] | None = None) -> None:
    """Write what a build would publish of a snapshot, rules and checks included, and not replace anything before it is whole.

    Raises `UnknownChannel`, `RuleError`.
    """
    program = compile_feed(feed).over(snapshot.path)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".feed-") as name:
        work = Path(name)
        with _sql.connect(work) as engine:
            items = program.items(products(engine, snapshot.path, counts, work))
            head = Head(shop.title, shop.origins[0] if shop.origins else "", shop.language)
            write_file(engine, program.channel, head, items, work / "file")
        (work / "file").replace(target)


def write_file(connection: duckdb.DuckDBPyConnection, channel: Channel, head: Head, items: str, target: Path) -> None:
    """Write the channel's file of a sorted relation of items by one statement of the engine."""
    shape = channel.format
    columns = list(channel.spec.names)
    if not shape.sparse:
        columns = columns_of(channel, count_filled(connection, channel, items))
    begin = shape.begin(head, channel.spec, columns)
    # The engine puts line ends between rows, so the last one's comes before what ends the file.
    row = connection.execute(
        f"COPY (SELECT {shape.line(channel.spec, columns)} FROM ({items}) WHERE _state = {PUBLISHED}) "
        f"TO {_sql.text(str(target))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', "
        f"PREFIX {_sql.text(begin)}, SUFFIX {_sql.text(chr(10) + shape.end)})"
    ).fetchone()
    if row == (0,):
        target.write_text(begin + shape.end, "utf-8")
