"""Read a catalogue file: products or raw rows, from any source, with a report of everything found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rekindle.catalog._detect import choose, sources
from rekindle.catalog.prepare import Limits, prepare
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Source


class Opened(msgspec.Struct, frozen=True):
    """A file with the source that reads it; valid inside `open_catalog`'s block."""

    kind: str
    prepared: Prepared
    options: Options
    report: Report
    source: Source

    def items(self) -> Iterator[Item]:
        """Yield the products; findings go to the report. Raises `Refused`."""
        return self.source.items(self.prepared, self.options, self.report)

    def rows(self) -> Iterator[Row]:
        """Yield the raw rows; findings go to the report. Raises `Refused`."""
        return self.source.rows(self.prepared, self.options, self.report)


@contextmanager
def open_catalog(
    path: Path,
    kind: str,
    options: Options,
    report: Report,
    *,
    folder: Path | None = None,
    limits: Limits | None = None,
    name: str | None = None,
) -> Iterator[Opened]:
    """Prepare ``path`` and find its source. Copies, where needed, live in ``folder`` only as long as the block.

    ``name`` is what messages call the file. Raises `Refused` for what is no catalogue.
    """
    with tempfile.TemporaryDirectory(prefix="rekindle-catalog-", dir=folder) as work:
        prepared = prepare(path, Path(work), report, limits, name, options)
        found, source = choose(prepared, kind, report)
        yield Opened(found, prepared, options, report, source)


def read_rows(
    path: Path, kind: str = "auto", report: Report | None = None, options: Options | None = None
) -> Iterator[Row]:
    """Yield the raw rows of a file, for checks that look at what was written. Raises `Refused`."""
    with open_catalog(path, kind, options or Options(), report or Report()) as opened:
        yield from opened.rows()


def read_items(
    path: Path, kind: str = "auto", report: Report | None = None, options: Options | None = None
) -> Iterator[Item]:
    """Yield the products of a file. Raises `Refused`."""
    with open_catalog(path, kind, options or Options(), report or Report()) as opened:
        yield from opened.items()


__all__ = ["Opened", "open_catalog", "read_items", "read_rows", "sources"]
