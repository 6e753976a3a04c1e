"""A Meta catalogue file as the source: CSV or TSV, with the template's comment rows where they were left in."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import _attributes, _table
from rekindle.catalog._detect import root_of
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row

TITLE = "Meta catalogue (CSV, TSV)"
OPTIONS = ()

_NEEDED = {"id", "title", "link", "image_link", "availability"}


def sniff(prepared: Prepared) -> str | None:
    """Recognise the columns that every Meta catalogue has; Google's tables have the same names."""
    if root_of(prepared.head) is not None:
        return None
    _, names = _table.header(prepared.head)
    columns = {_attributes.attribute_name(name) for name in names}
    if columns >= _NEEDED:
        return f"a table with {', '.join(sorted(_NEEDED))}"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """See `rekindle.catalog.row.Source`."""
    if root_of(prepared.head) is not None:
        return _attributes.xml_rows(prepared, ("item", "entry"), report)
    return _attributes.table_rows(prepared, report)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """See `rekindle.catalog.row.Source`."""
    return _attributes.items(rows(prepared, options, report), options, report)
