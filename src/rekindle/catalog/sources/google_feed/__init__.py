"""A Google Merchant feed as the source: RSS 2.0 or Atom with ``g:`` elements, or a table of attributes."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import _attributes, _table
from rekindle.catalog._detect import root_of
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row

TITLE = "Google Merchant feed (RSS, Atom, TSV, CSV)"
OPTIONS = ()


def sniff(prepared: Prepared) -> str | None:
    """Recognise the root of RSS or Atom, or a tab-separated table with a feed's columns."""
    root = root_of(prepared.head)
    if root in ("rss", "feed", "RDF", "channel"):
        return f"XML with the root <{root}>"
    if root is None:
        delimiter, names = _table.header(prepared.head)
        columns = {_attributes.attribute_name(name) for name in names}
        if delimiter == "\t" and {"id", "title", "link"} <= columns:
            return "a tab-separated table with id, title and link"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """See `rekindle.catalog.row.Source`."""
    if root_of(prepared.head) is not None:
        return _attributes.xml_rows(prepared, ("item", "entry"), report)
    return _attributes.table_rows(prepared, report)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """See `rekindle.catalog.row.Source`."""
    return _attributes.items(rows(prepared, options, report), options, report)
