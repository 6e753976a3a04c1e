"""The parts of an Office Open XML workbook: its sheets, texts and number formats, and cells as the text they show.

Written from ECMA-376 part 1: 18.2 (workbook), 18.3 (worksheets), 18.4 (shared strings), 18.8 (styles).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath
from typing import IO, Final
from zipfile import ZipFile

import msgspec
from lxml import etree

from rekindle.catalog import _xml
from rekindle.catalog.report import Report, refuse

MAX_ROWS: Final = 1_048_576
_MAX_COLUMNS: Final = 16_384
_MAX_PART: Final = 16 << 20
_MAX_TEXTS: Final = 1 << 30

# 18.8.30: formats that a workbook need not write down. 45 to 47 are times; the East Asian ones stand at 27 and 50.
_DATES: Final = frozenset((14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)))
_TIMES: Final = frozenset((18, 19, 20, 21, 22, 45, 46, 47))
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.I)
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_EXACT: Final = 10**15
_DAY_1900: Final = datetime(1899, 12, 30, tzinfo=UTC)  # serial 60 is a day that never was, so the first is one earlier
_DAY_1904: Final = datetime(1904, 1, 1, tzinfo=UTC)


class Format(msgspec.Struct, frozen=True):
    """How a number is shown: as a day, with a time, or with zeros in front up to ``digits``."""

    day: bool = False
    time: bool = False
    digits: int = 0


class Sheet(msgspec.Struct, frozen=True):
    """A sheet's name, its part in the archive, and whether a person sees it."""

    name: str
    part: str
    visible: bool


class Book(msgspec.Struct, frozen=True):
    """What has to be known before cells can be read. ``first_day`` is the day of the serial number 0."""

    sheets: list[Sheet]
    formats: list[Format]
    first_day: datetime


class Texts:
    """The workbook's shared texts, in a file: a catalogue's descriptions need not fit into the memory."""

    def __init__(self, archive: ZipFile, folder: Path, report: Report) -> None:
        self._ends = array("Q", [0])
        self._file = (folder / "texts").open("w+b")
        name = "xl/sharedStrings.xml"
        if name in archive.namelist():
            with _opened(archive, name) as part:
                for entry in _xml.streamed(part, ("si",), report, name):
                    written = _text(entry).encode("utf-8", "replace")
                    self._ends.append(self._ends[-1] + self._file.write(written))
                    if self._ends[-1] > _MAX_TEXTS:
                        raise refuse("too-large", "the sheet's texts are over 1 GiB; save it as CSV (UTF-8)")
        self._file.flush()

    def __enter__(self) -> Texts:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getitem__(self, number: int) -> str:
        """Return a text. Raises `IndexError`."""
        if not 0 <= number < len(self._ends) - 1:
            raise IndexError(number)
        self._file.seek(self._ends[number])
        return self._file.read(self._ends[number + 1] - self._ends[number]).decode("utf-8")


def book_of(archive: ZipFile) -> Book:
    """Return what the workbook says of itself. Raises `KeyError` and `lxml.etree.XMLSyntaxError`."""
    root = _part(archive, "xl/workbook.xml")
    targets = {
        one.get("Id", ""): one.get("Target", "")
        for one in _part(archive, "xl/_rels/workbook.xml.rels").iterfind("{*}Relationship")
    }
    sheets = []
    for sheet in root.iterfind("{*}sheets/{*}sheet"):
        # The relation's attribute has another namespace in the strict form of the standard.
        relation = next((str(value) for name, value in sheet.attrib.items() if str(name).endswith("}id")), "")
        target = targets.get(relation, "")
        part = target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
        if part in archive.namelist() and "/chartsheets/" not in part:
            sheets.append(Sheet(sheet.get("name", ""), part, sheet.get("state", "visible") == "visible"))
    kind = root.find("{*}workbookPr")
    since_1904 = kind is not None and kind.get("date1904") in ("1", "true")
    return Book(sheets, _formats(archive), _DAY_1904 if since_1904 else _DAY_1900)


def _part(archive: ZipFile, name: str) -> _xml.Element:
    if archive.getinfo(name).file_size > _MAX_PART:
        raise refuse("workbook-damaged", "save it again in a spreadsheet program; a part of it is too large", name)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    with _opened(archive, name) as part:
        return etree.fromstring(part.read(), parser)


def _opened(archive: ZipFile, name: str) -> IO[bytes]:
    """Open a part. Raises `Refused` for a document type, which no spreadsheet program writes."""
    with archive.open(name) as part:
        if b"<!DOCTYPE" in part.read(1 << 16).replace(b"\0", b""):
            raise refuse("xml-entities", "save the workbook again; a part of it has a document type", name)
    return archive.open(name)


def _formats(archive: ZipFile) -> list[Format]:
    if "xl/styles.xml" not in archive.namelist():
        return []
    root = _part(archive, "xl/styles.xml")
    codes = {one.get("numFmtId", ""): one.get("formatCode", "") for one in root.iterfind("{*}numFmts/{*}numFmt")}
    return [_format(one.get("numFmtId", "0"), codes) for one in root.iterfind("{*}cellXfs/{*}xf")]


def _format(number: str, codes: Mapping[str, str]) -> Format:
    if number not in codes:
        found = int(number) if number.isdecimal() else 0
        return Format(found in _DATES, found in _TIMES)
    code = codes[number].split(";", 1)[0]
    if re.fullmatch(r"0{2,40}", code):
        return Format(digits=len(code))
    bare = _LITERAL.sub("", code).lower()
    if "[" in bare or "general" in bare:  # an elapsed time is a number of hours, not a moment
        return Format()
    time = "h" in bare or "s" in bare
    return Format("d" in bare or "y" in bare or ("m" in bare and not time), time)


def rows(archive: ZipFile, book: Book, sheet: Sheet, texts: Texts, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row that is there, from 1, and its cells as text."""
    with _opened(archive, sheet.part) as part:
        number = 0
        for row in _xml.streamed(part, ("row",), report, sheet.name):
            number = _whole(row.get("r")) or number + 1
            if number > MAX_ROWS:
                raise refuse("workbook-damaged", f"a sheet has at most {MAX_ROWS} rows", sheet.name, row=number)
            cells: list[str] = []
            column = 0
            for cell in row.iterfind("{*}c"):
                column = _column(cell.get("r")) or column + 1
                if column > _MAX_COLUMNS:
                    raise refuse("workbook-damaged", f"a sheet has at most {_MAX_COLUMNS} columns", sheet.name, number)
                value = _value(cell, book, texts, report, number)
                if value:
                    cells += [""] * (column - 1 - len(cells))
                    cells[column - 1 :] = [value]
            yield number, cells


def _value(cell: _xml.Element, book: Book, texts: Texts, report: Report, row: int) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inner = _xml.child(cell, "is")
        return _text(inner) if inner is not None else ""
    found = _xml.child(cell, "v")
    written = (found.text or "") if found is not None else ""
    if found is None and _xml.child(cell, "f") is not None:
        remedy = "open the workbook in a spreadsheet program and save it: its formulas have no values yet"
        report.add("formula-without-value", remedy, row=row, value=cell.get("r"))
    if not written:
        return ""
    try:
        match kind:
            case "s":
                return texts[int(written)]
            case "str" | "d":
                return _plain(written)
            case "b":
                return "true" if written.strip() == "1" else "false"
            case "e":
                report.add("cell-error", "repair the formula; the cell was left empty", row=row, value=written)
                return ""
        style = _whole(cell.get("s")) or 0
        return _number(written, book.formats[style] if style < len(book.formats) else Format(), book, report, row)
    except (ValueError, IndexError, InvalidOperation, OverflowError):
        report.add("cell-error", "write the cell again; it was left empty", row=row, value=f"{cell.get('r')} {written}")
        return ""


def _number(written: str, shape: Format, book: Book, report: Report, row: int) -> str:
    number = Decimal(written.strip())
    if not number.is_finite():
        raise ValueError(written)
    if shape.day or shape.time:
        return _moment(number, shape, book)
    if number == number.to_integral_value() and abs(number) < Decimal(10) ** 40:
        text = str(int(number))
        if abs(number) >= _EXACT:
            remedy = "format the column as text; a spreadsheet keeps 15 digits of a number"
            report.add("digits-lost", remedy, row=row, value=text)
        return text.zfill(shape.digits) if number >= 0 else text
    # A spreadsheet shows 15 digits; the rest is how binary numbers are (19.989999999999998).
    return f"{Decimal(f'{number:.15g}').normalize():f}"


def _moment(number: Decimal, shape: Format, book: Book) -> str:
    found = book.first_day + timedelta(milliseconds=round(number * 86_400_000))
    if shape.time and (number < 1 or not shape.day):
        return f"{found:%H:%M:%S}"
    return f"{found:%Y-%m-%dT%H:%M:%S}" if shape.time else f"{found:%Y-%m-%d}"


def _text(entry: _xml.Element) -> str:
    """Return a text, put together of its runs; how to pronounce it (``rPh``) is no part of it (18.4.8)."""
    parts = [*entry.iterfind("{*}t"), *entry.iterfind("{*}r/{*}t")]
    return _plain("".join(part.text or "" for part in parts))


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(reference: str | None) -> int:
    number = 0
    for letter in reference or "":
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


__all__ = ["MAX_ROWS", "Book", "Format", "Sheet", "Texts", "book_of", "rows"]
