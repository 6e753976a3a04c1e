"""Write a channel's file in slices of its items, plain and compressed, so that memory does not grow with the catalogue."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.feeds import _gzip, _sql, _workers
from rekindle.feeds._files import Files
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.layout import Block, ends_block
from rekindle.feeds.writing import GROUP, OutOfOrder, line_of

SLICE = 4 * GROUP
"""Items that are written at once: whole row groups, so that none is read twice."""


FETCH = 2_048
"""Rows that are taken out of the engine at once, as many as it works on at a time."""


class Written(NamedTuple):
    """Sizes in bytes, digests, and where things are (see `layout.Layout`); ``packed`` is 0 when nothing was compressed."""

    size: int
    packed: int
    digest: str
    packed_digest: str
    head: Block
    lengths: array[int]
    blocks: array[int]
    closed: bool


class _Part(NamedTuple):
    """A slice's text.

    ``pieces`` are whole blocks and ``sizes`` their numbers of items; what lies before the first block's end (``ends``
    says that there is one), and behind the last one's, makes blocks with the slices around.
    """

    before: Sequence[bytes]
    ends: bool
    pieces: Sequence[_gzip.Piece]
    sizes: Sequence[int]
    after: Sequence[bytes]
    lengths: array[int]


class _Blocks:
    """Where the files' blocks are; items wait until their block ends."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: list[bytes] = []
        self.blocks = array("I")
        self.lengths = array("I")

    def add(self, part: _Part) -> None:
        self._open += part.before
        if part.ends:
            self._block(len(self._open), self._files.make(b"".join(self._open)))
            for size, piece in zip(part.sizes, part.pieces, strict=True):
                self._block(size, piece)
            self._open = list(part.after)
        self.lengths.extend(part.lengths)

    def end(self) -> bool:
        """Write what is left; return whether the last item ended a block."""
        if self._open:
            self._block(len(self._open), self._files.make(b"".join(self._open)))
        return not self._open and bool(self.blocks)

    def _block(self, items: int, piece: _gzip.Piece) -> None:
        _, plain, packed = self._files.write(piece)
        self.blocks.extend((items, plain, packed))


def write_output(
    connection: duckdb.DuckDBPyConnection,
    channel: Channel,
    head: Head,
    items: Path,
    columns: Sequence[str],
    target: Path,
    packed: Path | None = None,
    always: Collection[str] = (),
) -> Written:
    """Write the channel's file of the published items of a sorted Parquet, and the same as gzip to ``packed``.

    ``always`` are attributes that all published items hold: it only saves time to know.
    """
    shape = channel.format
    query = (
        f"SELECT coalesce(encode({line_of(channel, columns, always)}), ''::BLOB), {ends_block('_id')} "
        f"FROM read_parquet({_sql.text(str(items))}, file_row_number = true) WHERE file_row_number "
    )
    (total,) = connection.execute(f"SELECT count(*) FROM {_sql.parquet(items)}").fetchone() or (0,)
    with Files(target, packed) as files:
        blocks = _Blocks(files)
        begin = files.write(files.make(shape.begin(head, channel.spec, columns).encode()))
        with _workers.alone(connection):
            for part in _workers.in_order(_parts(connection, query, total, files.make)):
                blocks.add(part)
        closed = blocks.end()
        files.write(files.make(shape.end.encode()))
    return Written(*files.sizes(), *files.digests(), begin, blocks.lengths, blocks.blocks, closed)


def _parts(
    connection: duckdb.DuckDBPyConnection, query: str, total: int, make: Callable[[bytes], _gzip.Piece]
) -> Iterator[Callable[[], _Part]]:
    def part(start: int) -> Callable[[], _Part]:
        def run() -> _Part:
            stop = min(start + SLICE, total)
            with _workers.ordered(connection) as cursor:
                rows = cursor.execute(f"{query} >= {start} AND file_row_number < {stop}")
                found = _part(iter(partial(rows.fetchmany, FETCH), []), make)
            if len(found.lengths) != stop - start:
                raise OutOfOrder(f"{len(found.lengths)} items where {stop - start} should be; nothing was published")
            return found

        return run

    return (part(start) for start in range(0, total, SLICE))


def _part(batches: Iterator[Sequence[tuple[bytes, bool]]], make: Callable[[bytes], _gzip.Piece]) -> _Part:
    lengths = array("I")
    before: list[bytes] | None = None
    pieces, sizes, text = list[_gzip.Piece](), list[int](), list[bytes]()
    for batch in batches:
        lengths.extend([len(line) for line, _ in batch])
        for line, ends in batch:
            text.append(line)
            if not ends:
                continue
            if before is None:
                before = text
            else:
                pieces.append(make(b"".join(text)))
                sizes.append(len(text))
            text = []
    if before is None:
        return _Part(text, False, (), (), (), lengths)
    return _Part(before, True, pieces, sizes, text, lengths)
