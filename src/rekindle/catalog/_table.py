"""Read delimited tables as they come: comments before the header, stray marks, ``;`` and ``|``, ragged rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Prepared, Row

_DELIMITERS = ",;\t|~"
_LINES = 2
_STRAY = " \t\r\n\ufeff\u200b"

csv.field_size_limit(4 << 20)  # the library's 128 KiB is less than long descriptions have


def header(head: str) -> tuple[str, list[str]]:
    """Return the delimiter and the column names of the table whose beginning is ``head``.

    The header is the first row with content that is not a comment (its first cell begins with ``#``).
    """
    best: tuple[float, str, list[str]] = (0.0, ",", [])
    whole = head if len(head) < 60_000 else head[: head.rfind("\n") + 1]
    for delimiter in _DELIMITERS:
        rows = []
        try:
            for row in csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter):
                if any(cell.strip(_STRAY) for cell in row) and not _aside(row):
                    rows.append(row)
                if len(rows) > 20:
                    break
        except csv.Error:
            pass
        if not rows:
            continue
        widths = Counter(len(row) for row in rows)
        agree = widths[len(rows[0])] / len(rows)
        score = agree * (len(rows[0]) - 1)
        if score > best[0] or not best[2]:
            best = (score, delimiter, rows[0])
    return best[1], _names(best[2])


def _aside(cells: list[str]) -> bool:
    """Return whether a row before the header is none: a comment, or the line that tells a spreadsheet the separator."""
    return cells[0].strip(_STRAY).startswith("#") or (
        re.fullmatch(r"sep=.?", cells[0].strip(_STRAY).lower()) is not None and not any(map(str.strip, cells[1:]))
    )


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip(_STRAY) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def rows(prepared: Prepared, report: Report) -> Iterator[Row]:
    """Yield the rows below the header, by column name, with their line number. Raises `Refused` without a header.

    A row with too many or too few cells is left out and named: its cells may stand in the wrong columns.
    """
    delimiter, names = header(prepared.head)
    if not names:
        raise refuse("no-header", "begin the table with a row of column names", prepared.head[:80])
    _report_header(prepared, names, report)
    if delimiter not in ",\t":
        report.add("delimiter", "columns are separated by this character", severity="note", value=delimiter)
    with prepared.path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        seen_header = False
        line = 1
        ragged: tuple[int, int] | None = None
        try:
            for number, cells in enumerate(reader, 2):
                start, line = line, number if prepared.by_row else reader.line_num + 1
                if ragged:
                    _ragged(report, ragged, len(names))
                    ragged = None
                if not any(cell.strip(_STRAY) for cell in cells):
                    continue
                if not seen_header:
                    seen_header = not _aside(cells)
                    continue
                if line - start > _LINES and not prepared.by_row and _swallowed(cells, delimiter, len(names)):
                    remedy = "a quote is not closed: this cell holds whole rows; close it and publish the file again"
                    report.cut_short("quote-not-closed", remedy, row=start, value=f"lines {start} to {line - 1}")
                    continue
                if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
                    ragged = (start, len(cells))
                    continue
                yield Row(start, {name: cell for name, cell in zip(names, cells, strict=False) if name})
        except csv.Error as error:
            remedy = "a quote is probably not closed; nothing behind it was read"
            report.cut_short("table-broken", remedy, row=line, value=error)
            return
    if ragged and ragged[1] > len(names):
        _ragged(report, ragged, len(names))  # what is cut off has fewer cells, not more
    elif ragged:
        start, found = ragged
        value = f"{found} cells of {len(names)}, from line {start} to the end"
        remedy = "the last row is not whole: the file was cut, or a quote is not closed; publish it again"
        report.cut_short("table-truncated", remedy, row=start, value=value)


def _swallowed(cells: list[str], delimiter: str, width: int) -> bool:
    """Return whether a cell holds whole rows: each of its inner lines has as many separators as the table has."""
    for cell in cells:
        lines = cell.splitlines()[1:-1]
        if len(lines) >= _LINES and width > 1 and all(line.count(delimiter) == width - 1 for line in lines):
            return True
    return False


def _ragged(report: Report, ragged: tuple[int, int], width: int) -> None:
    start, found = ragged
    remedy = "quote cells that hold the separator or a line break; the row was left out"
    report.add("ragged-row", remedy, severity="error", row=start, value=f"{found} cells, the header has {width}")


def _report_header(prepared: Prepared, names: list[str], report: Report) -> None:
    for name, number in Counter(name for name in names if name).items():
        if number > 1:
            report.add("duplicate-column", "name every column once; the last one counts", value=name)
    if "\ufeff" in prepared.head:
        report.add("stray-bom", "write a byte-order mark only as the first bytes, or not at all", severity="note")
