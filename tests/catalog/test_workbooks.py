"""Workbooks: written by an independent library, and by hand where that one never writes what spreadsheets do."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.catalog import Options, Refused, Report, Row, read_items, read_rows
from rekindle.catalog.prepare import Limits, prepare

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def book(path: Path, rows: list[list[Any]], formats: dict[str, str] | None = None, **others: list[list[Any]]) -> Path:
    written = openpyxl.Workbook()
    sheet = written.active
    assert sheet is not None
    sheet.title = "Products"
    for row in rows:
        sheet.append(row)
    for place, code in (formats or {}).items():
        sheet[place].number_format = code
    for name, more in others.items():
        other = written.create_sheet(name)
        for row in more:
            other.append(row)
    written.save(path)
    return path


def by_hand(path: Path, sheet: str, styles: str = "", texts: str = "", **more: Any) -> Path:
    """Write the parts of a workbook as they are given."""
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets><sheet name="One" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        **({"xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">{styles}</styleSheet>'} if styles else {}),
        **({"xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{texts}</sst>'} if texts else {}),
        **more,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, body in parts.items():
            out.writestr(name, body)
    return path


def rows(path: Path, report: Report | None = None, **extra: Any) -> list[Row]:
    return list(read_rows(path, "csv", report, Options(extra=extra)))


def refusal(path: Path, **extra: Any) -> str:
    with pytest.raises(Refused) as refused:
        rows(path, **extra)
    assert refused.value.issue.remedy
    return refused.value.issue.code


def test_numbers_dates_and_leading_zeros_are_what_the_sheet_shows(tmp_path: Path) -> None:
    header = ["id", "title", "gtin", "ean", "price", "quantity", "since", "at", "sold", "ratio", "empty"]
    values = ["0012", "Zażółć", "04006381333931", 4006381333931, 19.99, 3, dt.date(2026, 9, 1)]
    values += [dt.datetime.fromisoformat("2026-09-01T12:30:15"), True, 0.1 + 0.2, None]
    path = book(tmp_path / "b.xlsx", [header, values], {"D2": "00000000000000"})
    (row,) = rows(path)
    assert row == Row(
        2,
        {
            "id": "0012",
            "title": "Zażółć",
            "gtin": "04006381333931",
            "ean": "04006381333931",
            "price": "19.99",
            "quantity": "3",
            "since": "2026-09-01",
            "at": "2026-09-01T12:30:15",
            "sold": "true",
            "ratio": "0.3",
            "empty": "",
        },
    )


def test_a_workbook_is_recognised_as_the_feed_that_it_holds(tmp_path: Path) -> None:
    header = ["id", "title", "link", "image_link", "availability", "price", "item_group_id", "mpn"]
    line = ["A1", "Sofa", "https://x.example/1", "https://x.example/1.jpg", "in stock", "49.00 PLN", "G", "M"]
    report = Report()
    (item,) = read_items(book(tmp_path / "b.xlsx", [header, line]), "auto", report)
    assert (item.row, item.product.id, str(item.product.price), item.product.currency) == (2, "A1", "49.00", "PLN")
    assert any(issue.code == "kind" and issue.value.startswith("meta_feed") for issue in report.issues)


def test_rows_are_numbered_as_in_the_sheet_though_cells_hold_line_breaks(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", [["id", "title"], ["1", "two\nlines"], [], ["2", 'a "quoted", one'], ["3", None]])
    assert [(row.number, row.values) for row in rows(path)] == [
        (2, {"id": "1", "title": "two\nlines"}),
        (4, {"id": "2", "title": 'a "quoted", one'}),
        (5, {"id": "3", "title": ""}),
    ]


def test_a_sheet_is_chosen_by_name_or_number_and_its_header_by_row(tmp_path: Path) -> None:
    lines = [["Our products"], ["as of", "September"], ["id", "title"], ["7", "Lamp"]]
    path = book(tmp_path / "b.xlsx", [["note"], ["read me"]], None, Stock=lines)
    for sheet in ("stock", 2):
        (row,) = rows(path, sheet=sheet, header_row=3)
        assert (row.number, row.values) == (4, {"id": "7", "title": "Lamp"})
    report = Report()
    list(read_rows(path, "csv", report))
    assert [issue.value for issue in report.issues if issue.code == "sheet"] == ["Products of Products, Stock"]
    assert refusal(path, sheet="Nothing") == "sheet-missing"
    assert refusal(path, sheet=3) == "sheet-missing"
    for wrong in ({"sheet": 0}, {"sheet": ["a"]}, {"header_row": 0}, {"header_row": "1"}):
        assert refusal(path, **wrong) == "sheet-option"


def test_hidden_sheets_are_passed_over(tmp_path: Path) -> None:
    written = openpyxl.Workbook()
    first = written.active
    assert first is not None
    first.append(["secret"])
    first.sheet_state = "hidden"
    written.create_sheet("Shown").append(["id", "title"])
    written["Shown"].append(["1", "Lamp"])
    written.save(tmp_path / "b.xlsx")
    assert [row.values for row in rows(tmp_path / "b.xlsx")] == [{"id": "1", "title": "Lamp"}]


def test_formulas_give_their_last_value_and_say_when_there_is_none(tmp_path: Path) -> None:
    cells = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="A2" t="str"><f>"x"&amp;1</f><v>x1</v></c><c r="B2"><f>1+1</f></c><c r="C2"><f>2*3</f><v>6</v></c></row>'
        '<row r="4"><c><v>5</v></c><c t="e"><v>#N/A</v></c><c t="s"><v>99</v></c></row>'
    )
    texts = "<si><r><t>ti</t></r><r><t>tle</t></r><rPh><t>noise</t></rPh></si><si><t>price_x005F_a</t></si>"
    report = Report()
    found = rows(by_hand(tmp_path / "b.xlsx", cells, texts=texts), report)
    assert [(row.number, row.values) for row in found] == [
        (2, {"id": "x1", "title": "", "price_a": "6"}),
        (4, {"id": "5", "title": "", "price_a": ""}),
    ]
    assert report.codes() == {"cell-error": 2, "formula-without-value": 1}
    assert next((issue.row, issue.value) for issue in report.issues) == (2, "B2")


@pytest.mark.parametrize(
    ("written", "code", "shown"),
    [
        ("45170", "yyyy-mm-dd", "2023-09-01"),
        ("45170.75", 'dd"." mmm yy hh:mm', "2023-09-01T18:00:00"),
        ("0.5", "h:mm", "12:00:00"),
        ("1.5", "[h]:mm", "1.5"),
        ("45170", "[$-415]d mmmm yyyy", "2023-09-01"),
        ("12", '0 "szt. y"', "12"),
        ("12", "[Red]0", "12"),
        ("19.989999999999998", "0.00", "19.99"),
        ("5.901234123457E12", "General", "5901234123457"),
        ("1E-7", "General", "0.0000001"),
        ("590123412345700000", "0", "590123412345700000"),
        ("-5", "000", "-5"),
        ("7", "000;-000", "007"),
    ],
)
def test_number_formats(tmp_path: Path, written: str, code: str, shown: str) -> None:
    quoted = code.replace('"', "&quot;")
    styles = f'<numFmts><numFmt numFmtId="164" formatCode="{quoted}"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs>'
    cells = f'<row><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>x</t></is></c></row><row><c><v>1</v></c><c s="0"><v>{written}</v></c></row>'
    report = Report()
    (row,) = rows(by_hand(tmp_path / "b.xlsx", cells, styles), report)
    assert row.values["x"] == shown
    assert ("digits-lost" in report.codes()) == (written == "590123412345700000")


def test_days_of_1904(tmp_path: Path) -> None:
    workbook = f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><workbookPr date1904="1"/><sheets><sheet name="One" r:id="rId1"/></sheets></workbook>'
    cells = '<row><c t="inlineStr"><is><t>id</t></is></c></row><row><c s="0"><v>0</v></c></row>'
    path = by_hand(
        tmp_path / "b.xlsx", cells, '<cellXfs><xf numFmtId="14"/></cellXfs>', **{"xl/workbook.xml": workbook}
    )
    assert rows(path)[0].values == {"id": "1904-01-01"}


def test_what_cannot_be_read_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "book"
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    path.write_bytes(old + "Workbook".encode("utf-16-le"))
    assert refusal(path) == "spreadsheet-old"
    path.write_bytes(old + bytes(3 << 20) + "EncryptedPackage".encode("utf-16-le"))
    assert refusal(path) == "spreadsheet-password"
    for name, code in (("xl/workbook.bin", "spreadsheet-binary"),):
        with zipfile.ZipFile(path, "w") as out:
            out.writestr("mimetype", "x")
            out.writestr(name, "x")
        assert refusal(path) == code
    whole = book(tmp_path / "b.xlsx", [["id", "title"]] + [[str(n), f"Product {n}"] for n in range(2000)]).read_bytes()
    for cut in (len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:cut])
        assert refusal(path) in ("zip-damaged", "workbook-damaged")
    assert refusal(by_hand(path, "", **{"xl/workbook.xml": "<workbook"})) == "workbook-damaged"
    assert refusal(by_hand(path, "")) == "empty-file"


def test_a_damaged_part_is_refused_or_cut_short(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", [["id", "title"]] + [[n, f"Product {n}"] for n in range(500)])
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet][: len(parts[sheet]) // 2]
    with zipfile.ZipFile(path, "w") as out:
        for name, body in parts.items():
            out.writestr(name, body)
    report = Report()
    assert 0 < len(rows(path, report)) < 500
    assert report.incomplete


def test_bombs_and_tricks(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "b.xlsx", "<row/>" * 12_000_000)
    assert refusal(path) == "packed-bomb"
    assert refusal(by_hand(path, '<row r="99999999"><c><v>1</v></c></row>')) == "workbook-damaged"
    assert refusal(by_hand(path, '<row r="1"><c r="ZZZZ1"><v>1</v></c></row>')) == "workbook-damaged"
    body = '<sheetData><row><c t="inlineStr"><is><t>id&a;</t></is></c></row></sheetData>'
    sheet = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet xmlns="{_MAIN}">{body}</worksheet>'
    for written in (sheet.encode(), sheet.encode("utf-16")):
        assert refusal(by_hand(path, "", "", "", **{"xl/worksheets/sheet1.xml": written})) == "xml-entities"


def test_a_packed_workbook_is_read_too(tmp_path: Path) -> None:
    inner = book(tmp_path / "b.xlsx", [["id", "title"], ["1", "Lamp"]]).read_bytes()
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as out:
        out.writestr("export.xlsx", inner)
    (tmp_path / "outer").write_bytes(outer.getvalue())
    assert len(rows(tmp_path / "outer")) == 1


_CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff"))


@settings(max_examples=30)
@given(st.lists(st.lists(_CELLS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_texts_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, given: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("books")
    path = book(
        folder / "b.xlsx",
        [["id", "title", "extra"], *([f"n{n}", f"t{row[1]}", f"t{row[2]}"] for n, row in enumerate(given))],
    )
    found = {row.values["id"]: row.values for row in rows(path)}
    for number, (_, title, extra) in enumerate(given):
        if "_x" not in title + extra:
            assert found[f"n{number}"] == {"id": f"n{number}", "title": f"t{title}", "extra": f"t{extra}"}


def test_limits_hold_for_workbooks(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", [["id"], *([str(n)] for n in range(100))])
    with pytest.raises(Refused, match="too-large"):
        prepare(path, tmp_path, Report(), Limits(max_bytes=1000))
