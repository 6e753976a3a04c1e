"""OpenDocument spreadsheets, written by hand as spreadsheet programs write them: what repeats, what is hidden, what is a trick."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from rekindle.catalog import Options, Refused, Report, read_items, read_rows

NAMES = {
    name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for name in ("office", "table", "text", "style")
}  # fmt: skip
DECLARED = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMES.items())


def cell(text: str = "", kind: str = "string", more: str = "") -> str:
    if not text and not more:
        return "<table:table-cell/>"
    inner = "".join(f"<text:p>{line}</text:p>" for line in text.split("\n"))
    return f'<table:table-cell office:value-type="{kind}" {more}>{inner}</table:table-cell>'


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def sheet(name: str, *rows: str, more: str = "") -> str:
    return f'<table:table table:name="{name}" {more}><table:table-column/>{"".join(rows)}</table:table>'


def written(path: Path, *sheets: str, styles: str = "", head: str = "", **parts: str) -> Path:
    body = (
        f"{head}<office:document-content {DECLARED}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{''.join(sheets)}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        for name, content in {"content.xml": body, **parts}.items():
            out.writestr(name, content)
    return path


def rows(path: Path, report: Report | None = None, **extra: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(one.number, dict(one.values)) for one in read_rows(path, "csv", report, Options(extra=extra))]


def refusal(path: Path, **extra: Any) -> str:
    with pytest.raises(Refused) as refused:
        rows(path, **extra)
    assert refused.value.issue.remedy
    return refused.value.issue.code


HEAD = row(cell("id"), cell("title"), cell("price"))


def test_cells_are_what_they_show(tmp_path: Path) -> None:
    names = ["id", "ean", "price", "big", "ratio", "since", "at", "sold", "text", "formula", "last"]
    cells = [
        cell("00120", "float", 'office:value="120"'),
        cell("5 901 234 123 457", "float", 'office:value="5901234123457"'),
        cell("19,99 zł", "currency", 'office:value="19.989999999999998" office:currency="PLN"'),
        cell("1E+15", "float", 'office:value="1000000000000001"'),
        cell("5 %", "percentage", 'office:value="0.05"'),
        cell("01.09.26", "date", 'office:date-value="2026-09-01"'),
        cell("01.09.26 12:00", "date", 'office:date-value="2026-09-01T12:00:00"'),
        cell("PRAWDA", "boolean", 'office:boolean-value="true"'),
        cell('a<text:s text:c="3"/>b<text:tab/>c<text:span>d</text:span>\nsecond &amp; last'),
        cell("Err:502", "", 'table:formula="of:=1/0"'),
        cell("x"),
    ]
    report = Report()
    path = written(tmp_path / "b.ods", sheet("One", row(*map(cell, names)), row(*cells)))
    ((number, values),) = rows(path, report)
    assert number == 2
    assert values == {
        "id": "00120", "ean": "5901234123457", "price": "19.99", "big": "1000000000000001", "ratio": "0.05",
        "since": "2026-09-01", "at": "2026-09-01T12:00:00", "sold": "true", "text": "a   b\tcd\nsecond & last",
        "formula": "", "last": "x",
    }  # fmt: skip
    assert {"digits-lost", "cell-error"} <= report.codes().keys()


def test_what_repeats_is_counted(tmp_path: Path) -> None:
    gap = '<table:table-cell table:number-columns-repeated="2"/>'
    note = '<table:table-cell office:value-type="string"><office:annotation><text:p>a note</text:p></office:annotation><text:p>Lamp</text:p></table:table-cell>'
    path = written(tmp_path / "b.ods", sheet(
        "One",
        row(more='table:number-rows-repeated="3"'),
        row(cell("id"), cell("title"), cell("c"), cell("d")),
        row(cell("1"), note, gap, '<table:table-cell table:number-columns-repeated="16380"/>'),
        row(cell("2"), "<table:covered-table-cell/>", cell("x", more='table:number-columns-repeated="2"')),
        row(cell("3"), cell("same"), more='table:number-rows-repeated="2"'),
        row('<table:table-cell table:number-columns-repeated="16384"/>', more='table:number-rows-repeated="1048568"'),
    ))  # fmt: skip
    assert rows(path) == [
        (5, {"id": "1", "title": "Lamp", "c": "", "d": ""}),
        (6, {"id": "2", "title": "", "c": "x", "d": "x"}),
        (7, {"id": "3", "title": "same", "c": "", "d": ""}),
        (8, {"id": "3", "title": "same", "c": "", "d": ""}),
    ]


def test_sheets_are_chosen_as_in_workbooks(tmp_path: Path) -> None:
    hidden = '<style:style style:name="ta1"><style:table-properties table:display="false"/></style:style>'
    path = written(
        tmp_path / "b.ods",
        sheet("Notes", row(cell("id"), cell("title")), row(cell("9"), cell("no")), more='table:style-name="ta1"'),
        sheet("Products", row(cell("id"), cell("title")), row(cell("1"), cell("Lamp"))),
        sheet("Old", row(cell("id"), cell("title")), row(cell("2"), cell("Chair"))),
        styles=hidden,
    )
    report = Report()
    assert rows(path, report) == [(2, {"id": "1", "title": "Lamp"})]
    assert "sheet" in report.codes()
    assert rows(path, sheet="old") == [(2, {"id": "2", "title": "Chair"})]
    assert rows(path, sheet=1) == [(2, {"id": "9", "title": "no"})]
    assert refusal(path, sheet="New") == "sheet-missing"


def test_a_catalogue_comes_out_of_it(tmp_path: Path) -> None:
    line = row(cell("0012"), cell("Zażółć"), cell("19,99", "float", 'office:value="19.99"'))
    report = Report()
    (item,) = read_items(written(tmp_path / "b.ods", sheet("One", HEAD, line)), "auto", report, Options(currency="PLN"))
    assert (item.product.id, item.product.title, str(item.product.price)) == ("0012", "Zażółć", "19.99")
    assert item.row == 2


def test_tricks_and_damage_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.ods"
    full = row(cell("1"), cell("A"), cell("5"), more='table:number-rows-repeated="1000000"')
    assert refusal(written(path, sheet("One", HEAD, full))) == "workbook-damaged"
    wide = row(cell("1", more='table:number-columns-repeated="100000"'))
    assert refusal(written(path, sheet("One", HEAD, wide))) == "workbook-damaged"
    entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    assert refusal(written(path, sheet("One", row(cell("&a;"))), head=entity)) == "xml-entities"
    locked = {"META-INF/manifest.xml": "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"}
    assert refusal(written(path, sheet("One", HEAD), **locked)) == "spreadsheet-password"
    assert refusal(written(path)) == "empty-file"
    assert refusal(written(path, sheet("One", row(cell("x" * 90_000_000))))) == "packed-bomb"


def test_a_sheet_that_is_cut_is_read_to_the_break_and_marked(tmp_path: Path) -> None:
    whole = written(
        tmp_path / "b.ods", sheet("One", HEAD, *(row(cell(str(n)), cell("A"), cell("5")) for n in range(900)))
    )
    with zipfile.ZipFile(whole) as archive:
        content = archive.read("content.xml")
    cut = tmp_path / "cut.ods"
    with zipfile.ZipFile(cut, "w") as out:
        out.writestr("mimetype", "x")
        out.writestr("content.xml", content[: len(content) // 2])
    report = Report()
    assert 0 < len(rows(cut, report)) < 900
    assert report.incomplete


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])),
            min_size=3,
            max_size=3,
        ),
        max_size=5,
    )
)
def test_any_text_comes_back(tmp_path: Path, table: list[list[str]]) -> None:
    def escaped(text: str) -> str:
        element = etree.Element("p")
        element.text = text
        return etree.tostring(element, encoding="unicode").removeprefix("<p>").removesuffix("</p>") if text else ""

    lines = [row(*(cell(escaped(text)) for text in [f"k{n}", *one])) for n, one in enumerate(table)]
    path = written(tmp_path / "b.ods", sheet("One", row(*map(cell, ("key", "a", "b", "c"))), *lines))
    found = [list(values.values()) for _, values in rows(path)]
    assert found == [[f"k{n}", *one] for n, one in enumerate(table)]
