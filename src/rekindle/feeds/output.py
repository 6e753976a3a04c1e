"""Write a channel's file in slices of its items, compressed, so that memory does not grow with the catalogue."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.feeds import _gzip, _sql, _workers
from rekindle.feeds._files import Packed
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.layout import ends_block
from rekindle.feeds.writing import GROUP, OutOfOrder, line_of

SLICE = 4 * GROUP
"""Items that are written at once: whole row groups, so that none is read twice."""


FETCH = 2_048
"""Rows that are taken out of the engine at once, as many as it works on at a time."""


class Written(NamedTuple):
    """Sizes in bytes, digests, and where things are (see `layout.Layout`)."""

    size: int
    packed: int
    packed_digest: str
    plain_digest: str | None
    lengths: array[int]
    blocks: array[int]
    closed: bool


class _Part(NamedTuple):
    """A slice's text.

    ``pieces`` are whole blocks; what lies before the first block's end (``ends`` says that there is one), and behind
    the last one's, makes blocks with the slices around.
    """

    before: bytes
    ends: bool
    pieces: Sequence[_gzip.Piece]
    after: bytes
    lengths: array[int]


class _Blocks:
    """Puts slices together; items wait until their block ends."""

    def __init__(self, file: Packed) -> None:
        self._file = file
        self._open: list[bytes] = []
        self.lengths = array("I")
        self.closed = False

    def add(self, part: _Part) -> None:
        self._open.append(part.before)
        if part.ends:
            self._block()
            for piece in part.pieces:
                self._file.add(piece)
            self._open = [part.after]
        self.lengths.extend(part.lengths)

    def end(self) -> None:
        """Write what is left."""
        if any(self._open):
            self._block()
            self.closed = False
        self.lengths.append(0)

    def _block(self) -> None:
        self._file.add(_gzip.pack(b"".join(self._open)))
        self.closed = True


def write_output(
    connection: duckdb.DuckDBPyConnection,
    channel: Channel,
    head: Head,
    items: Path,
    columns: Sequence[str],
    target: Path,
    always: Collection[str] = (),
) -> Written:
    """Write the channel's file of the published items of a sorted Parquet as gzip.

    ``always`` are attributes that all published items hold: it only saves time to know.
    """
    shape = channel.format
    query = (
        f"SELECT coalesce(encode({line_of(channel, columns, always)}), ''::BLOB), {ends_block('_id')} "
        f"FROM read_parquet({_sql.text(str(items))}, file_row_number = true) WHERE file_row_number "
    )
    (total,) = connection.execute(f"SELECT count(*) FROM {_sql.parquet(items)}").fetchone() or (0,)
    with Packed(target, hashed=True) as file:
        blocks = _Blocks(file)
        file.add(_gzip.pack(shape.begin(head, channel.spec, columns).encode()))
        with _workers.alone(connection):
            for part in _workers.in_order(_parts(connection, query, total)):
                blocks.add(part)
        blocks.end()
        file.add(_gzip.pack(shape.end.encode()))
    return Written(
        file.size, file.packed_size(), file.digest(), file.plain_digest(), blocks.lengths, file.blocks, blocks.closed
    )


def _parts(connection: duckdb.DuckDBPyConnection, query: str, total: int) -> Iterator[Callable[[], _Part]]:
    def part(start: int) -> Callable[[], _Part]:
        def run() -> _Part:
            stop = min(start + SLICE, total)
            with _workers.ordered(connection) as cursor:
                rows = cursor.execute(f"{query} >= {start} AND file_row_number < {stop}")
                found = _part(iter(partial(rows.fetchmany, FETCH), []))
            if len(found.lengths) != stop - start:
                raise OutOfOrder(f"{len(found.lengths)} items where {stop - start} should be; nothing was published")
            return found

        return run

    return (part(start) for start in range(0, total, SLICE))


def _part(batches: Iterator[Sequence[tuple[bytes, bool]]]) -> _Part:
    lengths = array("I")
    before: bytes | None = None
    pieces, text = list[_gzip.Piece](), list[bytes]()
    for batch in batches:
        lengths.extend([len(line) for line, _ in batch])
        for line, ends in batch:
            text.append(line)
            if not ends:
                continue
            if before is None:
                before = b"".join(text)
            else:
                pieces.append(_gzip.pack(b"".join(text)))
            text = []
    if before is None:
        return _Part(b"".join(text), False, (), b"", lengths)
    return _Part(before, True, pieces, b"".join(text), lengths)
