"""Turn a sheet of a workbook into a table of text, so that every source that reads tables reads workbooks too."""

from __future__ import annotations

import csv
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from lxml import etree

from rekindle.catalog import _ods, _xlsx
from rekindle.catalog._unpack import Limits
from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Options

Kind = Literal["", "xlsx", "xlsb", "ods", "ole"]

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CELLS: Final = 500_000_000
_Sheet = TypeVar("_Sheet", _xlsx.Sheet, _ods.Sheet)


class Choice(msgspec.Struct, frozen=True):
    """Which sheet is read, by name or number from 1 ("" : the first that is visible), and the row of the header."""

    sheet: str | int = ""
    header_row: int = 1


def choice_of(options: Options) -> Choice:
    """Return what a source's options say about workbooks. Raises `Refused`."""
    try:
        found = msgspec.convert(
            {key: options.extra[key] for key in ("sheet", "header_row") if key in options.extra}, Choice
        )
    except msgspec.ValidationError:
        found = Choice(header_row=0)
    if found.header_row < 1 or found.sheet == 0:
        remedy = 'write options = { sheet = "Products", header_row = 1 }; a sheet may be given by its number'
        raise refuse("sheet-option", remedy, _told(options.extra))
    return found


def _told(extra: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {extra[key]!r}" for key in ("sheet", "header_row") if key in extra)


def recognise(path: Path) -> Kind:
    """Return what kind of workbook the file is, "" when it is none."""
    with path.open("rb") as file:
        magic = file.read(8)
    if magic == _OLE:
        return "ole"
    if magic[:4] != b"PK\x03\x04":
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        return ""  # whoever unpacks it says what is wrong
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        return "xlsb"
    return "ods" if {"mimetype", "content.xml"} <= names else ""


def to_table(path: Path, kind: Kind, target: Path, choice: Choice, report: Report, limits: Limits) -> str:
    """Write a sheet's cells to ``target`` as CSV in UTF-8, one record for each row; return the sheet's name.

    Raises `Refused` for a workbook that cannot be read, and for one that unpacks to more than ``limits``.
    """
    if kind == "ole":
        raise _ole(path)
    if kind == "xlsb":
        raise refuse("spreadsheet-binary", "save the workbook as .xlsx, or the sheet as CSV (UTF-8)", path.name)
    try:
        with (
            zipfile.ZipFile(path) as archive,
            tempfile.TemporaryDirectory(prefix="book-", dir=target.parent) as folder,
        ):
            _weigh(archive, path.stat().st_size, limits)
            if kind == "ods":
                page = _chosen(_ods.sheets(archive), choice, report)
                _write(_ods.rows(archive, page, report), target, choice, limits)
                return page.name
            book = _xlsx.book_of(archive)
            sheet = _chosen(book.sheets, choice, report)
            with _xlsx.Texts(archive, Path(folder), report) as texts:
                _write(_xlsx.rows(archive, book, sheet, texts, report), target, choice, limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        etree.LxmlError,
    ) as error:
        raise refuse("workbook-damaged", "save the workbook again; it cannot be opened", error) from None
    return sheet.name


def _ole(path: Path) -> Exception:
    """Say what an old container holds: a workbook with a password, or one of before 2007 (MS-OFFCRYPTO 2.3.4)."""
    with path.open("rb") as file:
        encrypted = "EncryptedPackage".encode("utf-16-le") in file.read(1 << 20)
        if not encrypted:  # the directory may stand at the end
            file.seek(max(0, path.stat().st_size - (1 << 20)))
            encrypted = "EncryptedPackage".encode("utf-16-le") in file.read()
    if encrypted:
        return refuse("spreadsheet-password", "save the workbook without a password", path.name)
    return refuse("spreadsheet-old", "save the workbook as .xlsx, or the sheet as CSV (UTF-8)", path.name)


def _weigh(archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
    """Refuse a bomb before anything is unpacked. An archive that lies about its sizes ends where it said it would."""
    whole = sum(info.file_size for info in archive.infolist())
    if whole > limits.max_bytes:
        raise refuse("too-large", f"keep the unpacked workbook below {limits.max_bytes} bytes", whole)
    if whole > limits.free_bytes and whole > size * limits.max_ratio:
        raise refuse("packed-bomb", f"the workbook unpacks to more than {limits.max_ratio} times its size", whole)


def _chosen(sheets: Sequence[_Sheet], choice: Choice, report: Report) -> _Sheet:
    names = ", ".join(sheet.name for sheet in sheets)
    if not sheets:
        raise refuse("empty-file", "put the catalogue on a sheet of the workbook")
    if isinstance(choice.sheet, int):
        if choice.sheet > len(sheets):
            raise refuse("sheet-missing", f"the workbook has {names}", choice.sheet)
        return sheets[choice.sheet - 1]
    if choice.sheet:
        for sheet in sheets:
            if sheet.name.strip().casefold() == choice.sheet.strip().casefold():
                return sheet
        raise refuse("sheet-missing", f"the workbook has {names}", choice.sheet)
    seen = [sheet for sheet in sheets if sheet.visible] or sheets
    if len(seen) > 1:
        remedy = 'say which sheet is the catalogue: options = { sheet = "…" }'
        report.add("sheet", remedy, severity="note", value=f"{seen[0].name} of {names}")
    return seen[0]


def _write(rows: Any, target: Path, choice: Choice, limits: Limits) -> None:
    line = cells = width = 0
    with target.open("w", encoding="utf-8", newline="", errors="replace") as out:
        writer = csv.writer(out, lineterminator="\n")
        for number, found in rows:
            while line < number - 1:  # what a sheet does not write down is an empty row
                out.write("\n")
                line += 1
            line += 1
            cells += len(found)
            if cells > _CELLS or out.tell() > limits.max_bytes:
                raise refuse("too-large", "the sheet is too large; save it as CSV (UTF-8)", row=number)
            if number < choice.header_row or not found:
                out.write("\n")
            else:
                width = max(width, len(found))  # empty cells at a row's end are not written down
                writer.writerow(found + [""] * (width - len(found)))
