"""The rows of a query to the shop's own database: product fields by column mapping or by their usual names."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import _generic, _json
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row

TITLE = "A query to PostgreSQL, MySQL, MariaDB or a SQLite file"


def sniff(_prepared: Prepared) -> str | None:
    """No file is a database; one of rows that were read (`rekindle.catalog.inputs`) is read because the kind says so."""
    return None


def reads_lines(_prepared: Prepared, _options: Options) -> bool:
    """See `rekindle.catalog.bulk`."""
    return True


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield the rows by column name; objects in a column have dotted names."""
    for number, entry in _json.lines(prepared, report):
        yield Row(number, _json.flat(entry))


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the products that ``columns`` describes."""
    return _generic.items(rows(prepared, options, report), options, report)
