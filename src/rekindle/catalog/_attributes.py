"""Product data by attribute name, in Google's namespace or in a table: what feeds of every channel look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rekindle.catalog import _table, _xml
from rekindle.catalog.products import product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values

_GROUPS: Final = {
    "shipping": ("country", "region", "service", "price"),
    "tax": ("country", "region", "rate", "tax_ship"),
    "installment": ("months", "amount"),
    "subscription_cost": ("period", "period_length", "amount"),
    "product_detail": ("section_name", "attribute_name", "attribute_value"),
}
"""Nested groups in the order of their text form (Google product data specification, attributes with sub-attributes)."""


def attribute_name(column: str) -> str:
    """Return ``image_link`` for ``g:image_link``, ``Image Link`` or ``image link``."""
    return re.sub(r"[\s-]+", "_", column.strip().removeprefix("g:").lower())


def xml_rows(prepared: Prepared, names: tuple[str, ...], report: Report) -> Iterator[Row]:
    """Yield the items of an RSS or Atom feed; ``g:`` wins over an element of the same name without it."""
    for number, element in enumerate(_xml.elements(prepared, names, report), 1):
        yield Row(number, _values(element))


def _values(element: _xml.Element) -> Values:
    values: Values = {}
    ours: set[str] = set()
    for part in element:
        name = _xml.local(part).lower()
        if not name:
            continue
        prefixed = part.prefix is not None or "base.google.com" in part.tag
        text = _text(name, part)
        if name in values and prefixed == (name in ours):
            known = values[name]
            values[name] = [*known, text] if isinstance(known, list) else [known, text]
        elif name not in values or prefixed:
            values[name] = text
            if prefixed:
                ours.add(name)
    return values


def _text(name: str, part: _xml.Element) -> str:
    if len(part) == 0:
        text = (part.text or "").strip()
        return text or (str(part.get("href", "")) if name in ("link", "image_link") else "")
    if name in ("description", "title", "summary", "content"):
        return _xml.text_of(part)  # markup inside a text: somebody forgot CDATA
    inner = {_xml.local(sub).lower(): _xml.text_of(sub) for sub in part}
    order = _GROUPS.get(name)
    if order is None:
        return ":".join(inner.values())
    return ":".join(inner.get(key, "") for key in order)


def table_rows(prepared: Prepared, report: Report) -> Iterator[Row]:
    """Yield the rows of a table whose columns are attribute names; ``custom[0]`` style columns keep their names."""
    for row in _table.rows(prepared, report):
        yield Row(row.number, {attribute_name(name): value for name, value in row.values.items()})


def items(rows: Iterator[Row], options: Options, report: Report) -> Iterator[Item]:
    """Yield a product for each row of attributes."""
    for row in rows:
        values = row.values
        if "description" not in values and (text := values.get("summary") or values.get("content")):
            values = values | {"description": text}
        product = product_from(values, options, report, row.number)
        if product is not None:
            yield Item(row.number, product)
