"""A table of any shape: product fields by column mapping or by their usual names."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import _generic, _table
from rekindle.catalog._detect import root_of
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row

TITLE = "Table (CSV, TSV) with a column mapping"
OPTIONS = ()


def sniff(prepared: Prepared) -> str | None:
    """Recognise a table in which a column looks like an id and another like a title."""
    if root_of(prepared.head) is not None or prepared.head.lstrip()[:1] in ("{", "["):
        return None
    _, names = _table.header(prepared.head)
    guess = _generic.guess(names)
    if "id" in guess and "title" in guess:
        return f"a table; id from {guess['id']}, title from {guess['title']}"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield the table's rows by column name."""
    return _table.rows(prepared, report)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the products that ``columns`` describes."""
    return _generic.items(rows(prepared, options, report), options, report)
