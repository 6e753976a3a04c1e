"""Take a column of text out of the table engine as it lies in memory: no object for each value."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import Any, NamedTuple

import duckdb
import nanoarrow  # type: ignore[import-untyped]


class Text(NamedTuple):
    """The values of a column, one after the other as UTF-8, and the length of each in bytes (0 for a missing one)."""

    data: bytes | memoryview
    lengths: array[int]


def text_column(connection: duckdb.DuckDBPyConnection, query: str) -> Text:
    """Run a query of one VARCHAR column and return its rows in order, by the Arrow C stream interface."""
    parts: list[memoryview] = []
    lengths = array("I")
    stream: Any = nanoarrow.c_array_stream(connection.sql(query))
    with stream:
        for batch in stream:
            view = batch.child(0).view()
            # Arrow columnar format, variable-size binary: validity, offsets (one more than values), data.
            offsets = memoryview(view.buffer(1))[view.offset : view.offset + view.length + 1]
            if not len(offsets):
                continue
            parts.append(memoryview(view.buffer(2)).cast("B")[offsets[0] : offsets[-1]])
            lengths.extend(after - before for before, after in pairwise(offsets))
    return Text(parts[0] if len(parts) == 1 else b"".join(parts), lengths)
