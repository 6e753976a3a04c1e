"""What the standard libraries write is what a source reads: ids byte for byte, texts as they were."""

import csv
import io
import json
import string
import tempfile
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rekindle.catalog import Item, Refused, Report, read_items
from rekindle.catalog import values as read
from rekindle.catalog.prepare import prepare

# Every character that XML allows, without the white space that line ends and cell edges may lose.
PLAIN = st.characters(
    exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn"), exclude_characters="\ufeff\ufffe\uffff\u200b"
)
WORDS = st.text(PLAIN, min_size=1, max_size=12)
TITLES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
IDS = st.text(PLAIN, min_size=1, max_size=20)
PRICES = st.decimals(Decimal("0.01"), Decimal("999999.99"), places=2)
PRODUCTS = st.lists(st.tuples(IDS, TITLES, PRICES), min_size=1, max_size=8, unique_by=lambda product: product[0])

Products = list[tuple[str, str, Decimal]]


def back(data: bytes, kind: str) -> tuple[Products, Report]:
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        items: list[Item] = list(read_items(path, kind, report))
    return [(i.product.id, i.product.title, i.product.price or Decimal(0)) for i in items], report


def wanted(products: Products) -> Products:
    """A title that happens to be UTF-8 written twice is turned back; ids never are."""
    return [(identity, read.undouble(title) or title, price) for identity, title, price in products]


@settings(max_examples=60, deadline=None)
@given(PRODUCTS, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_tables(products: Products, delimiter: str, end: str, bom: bool) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "title", "price", "currency"])
    for identity, title, price in products:
        writer.writerow([identity, title, str(price), "EUR"])
    data = out.getvalue().encode("utf-8-sig" if bom else "utf-8")
    found, report = back(data, "csv")
    assert found == wanted(products)
    assert not report.incomplete


@settings(max_examples=60, deadline=None)
@given(PRODUCTS, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_xml(products: Products, cdata: bool, encoding: str) -> None:
    def text(value: str) -> str:
        return f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>" if cdata else escape(value)

    items = "".join(
        f"<item><g:id>{text(identity)}</g:id><g:title>{text(title)}</g:title><g:price>{price} EUR</g:price></item>"
        for identity, title, price in products
    )
    document = f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{items}</channel></rss>'
    found, report = back(document.encode(encoding), "google_feed")
    assert found == wanted(products)
    assert not report.incomplete


@settings(max_examples=60, deadline=None)
@given(PRODUCTS, st.booleans())
def test_json_lines(products: Products, ascii_only: bool) -> None:
    lines = [
        json.dumps({"id": identity, "title": title, "price": str(price)}, ensure_ascii=ascii_only)
        for identity, title, price in products
    ]
    found, report = back("\n".join(lines).encode(), "jsonl")
    assert found == wanted(products)
    assert not report.incomplete


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"<rss><item>", b"id,title\n", b'{"id":', b"\x1f\x8b\x08", b"PK\x03\x04"]),
)
def test_no_bytes_break_the_reader(data: bytes, head: bytes) -> None:
    """Whatever comes, the answer is items with a report, or a refusal with a remedy."""
    remedy = "none needed"
    try:
        back(head + data, "auto")
    except Refused as refused:
        remedy = refused.issue.remedy
    assert remedy


@settings(max_examples=200, deadline=None)
@given(
    st.decimals(Decimal("0.01"), Decimal("9999999.99"), places=2),
    st.sampled_from(["{} EUR", "EUR {}", "{}EUR", "€{}", "{} €", " {}\u00a0€ "]),
    st.sampled_from([("", "."), (",", "."), ("", ","), (".", ","), (" ", ","), ("\u202f", ","), ("'", ".")]),
)
def test_prices_in_every_notation(amount: Decimal, frame: str, marks: tuple[str, str]) -> None:
    thousands, point = marks
    whole, _, cents = f"{amount:.2f}".partition(".")
    grouped = f"{int(whole):,}".replace(",", thousands)
    found = read.price(frame.format(f"{grouped}{point}{cents}"))
    assert found.amount == amount
    assert found.currency == "EUR"


@given(st.text(string.ascii_letters + " ", max_size=10))
def test_words_are_no_price(text: str) -> None:
    try:
        read.price(text)
    except ValueError:
        return
    raise AssertionError(text)


@settings(max_examples=200, deadline=None)
@given(st.text("ąćęłńóśźżéèçäöüßřšžaeinst -", min_size=1, max_size=40), st.sampled_from(["cp1252", "cp1250"]))
def test_what_was_encoded_twice_turns_back(text: str, wrong: str) -> None:
    assume(not text.isascii())
    try:
        twice = text.encode().decode(wrong)
    except UnicodeDecodeError:
        return  # that code page has no sign for one of the bytes, so this text cannot have been written twice with it
    assert read.undouble(twice) == text
    assert read.undouble(text) is None


def test_preparing_leaves_a_clean_file_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "clean.csv"
    path.write_text("id,title\n1,Ä\n", encoding="utf-8")
    assert prepare(path, tmp_path, Report()).path == path
