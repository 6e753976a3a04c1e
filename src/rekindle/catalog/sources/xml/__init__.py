"""XML of any shape: which element is an item, and where in it each product field is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rekindle.catalog import _generic, _xml
from rekindle.catalog.account import Setting
from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Item, Options, Prepared, Row, Values

TITLE = "XML with a path to the items and a column mapping"
OPTIONS = (
    Setting("item", "which element is an item: its name, or the path to it, such as shop/offers/offer", required=True),
)

_PATH: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*")


def sniff(_prepared: Prepared) -> str | None:
    """Recognise nothing: only a person knows which element is an item."""
    return None


def rows(prepared: Prepared, options: Options, report: Report) -> Iterator[Row]:
    """Yield one row for each element at ``options.item`` (``offer``, or ``shop/offers/offer``).

    Names in a row are paths: ``price``, ``price.@currency``, ``maker.name``, ``@id``; what repeats is a list. A part with
    a ``name`` of its own is found by it too: ``<param name="Color">red</param>`` is ``param[Color]``. Raises `Refused`.
    """
    path = options.extra.get("item")
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise refuse(
            "item-missing", 'say which element is an item: options = { item = "shop/offers/offer" }', path or ""
        )
    names = path.split("/")
    number = 0
    for element in _xml.elements(prepared, names[-1:], report):
        if _below(element, names[:-1]):
            number += 1
            values: Values = {}
            _read(element, "", values)
            yield Row(number, values)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the products that ``columns`` describes."""
    return _generic.items(rows(prepared, options, report), options, report)


def _below(element: _xml.Element, names: list[str]) -> bool:
    """Return whether the element's ancestors end with ``names``."""
    for name in reversed(names):
        element = element.getparent()
        if element is None or _xml.local(element) != name:
            return False
    return True


def _read(element: _xml.Element, path: str, values: Values) -> None:
    for name, value in element.attrib.items():
        _put(values, f"{path}@{name.rpartition('}')[2]}", str(value))
    for part in element:
        name = _xml.local(part)
        if not name:
            continue
        if len(part) == 0:
            text = (part.text or "").strip()
            _put(values, f"{path}{name}", text)
            if label := part.get("name"):
                _put(values, f"{path}{name}[{label}]", text)
        _read(part, f"{path}{name}.", values)


def _put(values: Values, name: str, value: str) -> None:
    known = values.get(name)
    if known is None:
        values[name] = value
    else:
        values[name] = [*known, value] if isinstance(known, list) else [known, value]
