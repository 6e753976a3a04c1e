"""The sheets of an OpenDocument spreadsheet and their cells as text, streamed: what repeats is counted, never built.

Written from OpenDocument 1.3 part 3: 9.1 (tables, repeated rows and cells), 19.385 (value types), 6.1 (text and blanks).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final
from zipfile import ZipFile

import msgspec

from rekindle.catalog import _xml
from rekindle.catalog.report import Report, refuse

CONTENT: Final = "content.xml"
_MAX_ROWS: Final = 1_048_576
_MAX_COLUMNS: Final = 16_384
_MAX_REPEATED: Final = 1_000
"""So often a row that holds something may be written down as one; a page of equal products is a mistake, or a bomb."""


class Sheet(msgspec.Struct, frozen=True):
    """A sheet's name, its place among those that hold rows, and whether a person sees it."""

    name: str
    place: int
    visible: bool


def sheets(archive: ZipFile) -> list[Sheet]:
    """Return the sheets that hold rows, in their order. Raises `Refused` for a document with a password."""
    if "META-INF/manifest.xml" in archive.namelist():
        with archive.open("META-INF/manifest.xml") as part:
            if b"encryption-data" in part.read(1 << 20):
                raise refuse("spreadsheet-password", "save the spreadsheet without a password")
    found: list[Sheet] = []
    hidden: set[str] = set()
    with archive.open(CONTENT) as part:
        report = Report()
        last: _xml.Element = None
        for element in _xml.streamed(part, ("table-row", "table-properties"), report, CONTENT):
            if _xml.local(element) == "table-properties":
                if _of(element, "display") == "false":
                    hidden.add(_of(element.getparent(), "name"))
                continue
            table = _table(element)
            if table is not None and table is not last:
                last = table
                found.append(Sheet(_of(table, "name"), len(found), _of(table, "style-name") not in hidden))
    return found


def rows(archive: ZipFile, sheet: Sheet, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row that holds something, from 1, and its cells as text."""
    number, place = 0, -1
    last: _xml.Element = None
    with archive.open(CONTENT) as part:
        for row in _xml.streamed(part, ("table-row",), report, sheet.name):
            table = _table(row)
            if table is not None and table is not last:
                last, place = table, place + 1
            if place != sheet.place:
                continue
            times = _count(row, "number-rows-repeated")
            cells = _cells(row, report, number + 1)
            if cells and times > _MAX_REPEATED:
                raise refuse(
                    "workbook-damaged", f"a row stands there {times} times; delete them", sheet.name, number + 1
                )
            for _ in range(times if cells else 0):
                number += 1
                yield number, cells
            number += 0 if cells else times
            if number > _MAX_ROWS:
                return  # spreadsheets fill a sheet up with one empty row that stands there a million times


def _table(row: _xml.Element) -> _xml.Element:
    """Return the sheet of a row; None for one of a table inside of something else (a chart's own data)."""
    above = row.getparent()
    while above is not None and _xml.local(above) != "table":
        above = above.getparent()
    inside = above is not None and _xml.local(above.getparent()) == "spreadsheet"
    return above if inside else None


def _cells(row: _xml.Element, report: Report, number: int) -> list[str]:
    cells: list[str] = []
    column = 0
    for cell in row:
        if _xml.local(cell) not in ("table-cell", "covered-table-cell"):
            continue
        times = _count(cell, "number-columns-repeated")
        value = _value(cell, report, number)
        if value:
            if column + times > _MAX_COLUMNS:
                raise refuse("workbook-damaged", f"a sheet has at most {_MAX_COLUMNS} columns", row=number)
            cells += [""] * (column - len(cells)) + [value] * times
        column += times
    return cells


def _value(cell: _xml.Element, report: Report, number: int) -> str:
    shown = "\n".join(_text(part) for part in cell if _xml.local(part) == "p")
    match _of(cell, "value-type"):
        case "float" | "currency" | "percentage":
            return _number(_of(cell, "value"), shown, report, number)
        case "date":
            return _of(cell, "date-value")
        case "boolean":
            return _of(cell, "boolean-value")
        case "string":
            return _of(cell, "string-value") or shown
        case _ if shown.startswith(("#", "Err:")):
            report.add("cell-error", "repair the formula; the cell was left empty", row=number, value=shown)
            return ""
        case _:
            return shown


def _number(written: str, shown: str, report: Report, number: int) -> str:
    if shown.isascii() and shown.isdigit() and shown.startswith("0"):
        return shown  # a format that writes zeros in front: an article number
    try:
        value = Decimal(written)
        whole = value == value.to_integral_value()
    except InvalidOperation:
        report.add("cell-error", "write the cell again; it was left empty", row=number, value=written)
        return ""
    if whole and abs(value) >= 10**15:
        report.add(
            "digits-lost",
            "format the column as text; a spreadsheet keeps 15 digits of a number",
            row=number,
            value=written,
        )
    return f"{value:.0f}" if whole else f"{Decimal(f'{value:.15g}').normalize():f}"


def _text(part: _xml.Element) -> str:
    """Return a paragraph's text; blanks, tabs and line breaks are elements of their own."""
    text = part.text or ""
    for inner in part:
        match _xml.local(inner):
            case "s":
                text += " " * _count(inner, "c")
            case "tab":
                text += "\t"
            case "line-break":
                text += "\n"
            case "annotation" | "note":
                pass
            case _:
                text += _text(inner)
        text += inner.tail or ""
    return text


def _count(element: _xml.Element, name: str) -> int:
    text = _of(element, name)
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 10 else 1


def _of(element: _xml.Element, name: str) -> str:
    """Return an attribute by its local name."""
    return next((str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


__all__ = ["CONTENT", "Sheet", "rows", "sheets"]
