"""The fault list: each planted fault is found with its row, code and severity, and a clean feed raises no block."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from rekindle.feeds import Report, _sql, check_products, check_rows, compile_feed, findings, issues
from rekindle.workspace import Feed
from tests.feeds.conftest import GOOGLE, META, product, published, shop

CLEAN: dict[str, Any] = {
    "id": "A", "title": "Sofa cover", "description": "Soft and washable.", "link": "https://shop.example/a",
    "image_link": "https://shop.example/a.jpg", "availability": "in_stock", "price": "12.34 PLN", "brand": "Dagra",
    "gtin": "5901234123457", "condition": "new",
}  # fmt: skip

# attribute, planted value, code, severity at Google
FAULTS: list[tuple[str, Any, str, str]] = [
    ("id", "", "missing", "block"),
    ("id", "x" * 51, "too-long", "block"),
    ("id", "a\x01b", "id-control-character", "block"),
    ("id", " a", "id-blanks", "warning"),
    ("title", "", "missing", "block"),
    ("title", " \t ", "missing", "block"),
    ("title", "t" * 151, "too-long", "limit"),
    ("title", "BUY THIS SOFA NOW", "title-all-capitals", "warning"),
    ("title", "КУПИТЬ ДИВАН СЕЙЧАС", "title-all-capitals", "warning"),
    ("title", "CrÃ¨me brÃ»lÃ©e", "encoding-broken", "warning"),
    ("title", "Pokrowiec na sofÄ™", "encoding-broken", "warning"),
    ("description", "d" * 5001, "too-long", "limit"),
    ("description", "<p>Soft</p>", "html", "warning"),
    ("link", "", "missing", "block"),
    ("link", "/sofa", "invalid-url", "block"),
    ("link", "https://shop.example/a b", "invalid-url", "block"),
    ("link", "https://shop.example/" + "a" * 2000, "too-long", "block"),
    ("image_link", "ftp://x.example/a.jpg", "invalid-url", "block"),
    ("additional_image_link", ["https://a.example/1.jpg", "nope"], "invalid-url", "limit"),
    ("additional_image_link", [f"https://a.example/{n}.jpg" for n in range(11)], "too-many-values", "limit"),
    ("availability", "plenty", "invalid-value", "block"),
    ("availability", "preorder", "availability-date-missing", "warning"),
    ("price", "", "missing", "block"),
    ("price", "12.34", "price-without-currency", "block"),
    ("price", "12,34 PLN", "invalid-price", "block"),
    ("price", "-1.00 PLN", "invalid-price", "block"),
    ("price", "0.00 PLN", "price-zero", "block"),
    ("price", "12.34 ZZZ", "unknown-currency", "block"),
    ("price", "12.34 PLZ", "unknown-currency", "block"),
    ("sale_price", "10.00 DEM", "unknown-currency", "limit"),
    ("sale_price", "12.34 PLN", "sale-price-not-lower", "limit"),
    ("sale_price", "10.00 EUR", "currency-differs", "limit"),
    ("sale_price_effective_date", "tomorrow", "invalid-range", "limit"),
    ("sale_price_effective_date", "2026-02-01T00:00Z/2026-01-01T00:00Z", "range-reversed", "limit"),
    ("gtin", "5901234123450", "gtin-check-digit", "limit"),
    ("gtin", "123", "gtin-length", "limit"),
    ("gtin", "2000000000008", "gtin-restricted", "limit"),
    ("gtin", "", "identifiers-missing", "warning"),
    ("brand", "N/A", "forbidden-value", "limit"),
    ("brand", "", "brand-missing", "warning"),
    ("brand", "b" * 71, "too-long", "limit"),
    ("condition", "mint", "invalid-value", "limit"),
    ("identifier_exists", "no", "identifier-exists-contradicted", "limit"),
    ("color", "#ff0000", "color-not-words", "limit"),
    ("google_product_category", "Apparel & Accessories > Clothing", "apparel-size-missing", "warning"),
    ("google_product_category", "212", "apparel-size-missing", "warning"),
    ("google_product_category", "Ubrania i akcesoria > Buty", "apparel-size-missing", "warning"),
    ("google_product_category", "Home > Covers", "unknown-category", "warning"),
    ("google_product_category", "99999999", "unknown-category", "warning"),
    ("google_product_category", "Apparel &amp; Accessories", "unknown-category", "warning"),
    ("multipack", "-1", "invalid-number", "limit"),
    ("shipping_weight", "heavy", "invalid-measure", "limit"),
    ("shipping", "9.99", "invalid-group", "limit"),
    ("availability_date", "soon", "invalid-time", "limit"),
    ("item_group_id", "g" * 51, "too-long", "limit"),
]


@pytest.fixture(scope="module")
def report() -> Report:
    """One file with a clean row before each faulty one."""
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, (attribute, value, _, _) in enumerate(FAULTS):
        rows.append((2 * number, CLEAN | {"id": f"clean{number}"}))
        rows.append((2 * number + 1, CLEAN | {"id": f"faulty{number}"} | {attribute: value}))
    return check_rows("google_merchant", rows)


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[f"{fault[0]}-{fault[2]}" for fault in FAULTS])
def test_each_planted_fault_is_found(report: Report, number: int) -> None:
    attribute, _, code, severity = FAULTS[number]
    found = [issue for issue in report.issues if issue.row == 2 * number + 1]
    assert (attribute, code, severity) in {(i.attribute, i.code, i.severity) for i in found} | {
        (attribute, i.code, i.severity) for i in found if i.code in ("identifiers-missing", "apparel-size-missing",
                                                                    "availability-date-missing")
    }  # fmt: skip
    assert all(issue.remedy.endswith(".") for issue in found)


def test_a_date_that_is_none_is_not_reversed_as_well(report: Report) -> None:
    number = FAULTS.index(("sale_price_effective_date", "tomorrow", "invalid-range", "limit"))
    assert [issue.code for issue in report.issues if issue.row == 2 * number + 1] == ["invalid-range"]


def test_clean_rows_between_faulty_ones_stay_clean(report: Report) -> None:
    assert report.items == 2 * len(FAULTS)
    assert [issue for issue in report.issues if issue.row is not None and issue.row % 2 == 0] == []
    assert report.errors == sum(issue.severity != "warning" for issue in report.issues)
    assert report.warnings == sum(issue.severity == "warning" for issue in report.issues)


@pytest.mark.parametrize(
    "values",
    [
        {"availability": "in stock"},
        {"gtin": "590-1234 123457"},
        {"gtin": "96385074"},
        {"gtin": "036000291452"},
        {"sale_price": "9.99 PLN", "sale_price_effective_date": "2026-01-01T00:00+0100/2026-02-01T00:00+0100"},
        {"title": "JOÃO & IRMÃOS: Cama SÃO PAULO"},
        {"title": "OLAPLEX Набор для волос N3"},
        {"title": "COULEUR VARIE ショルダーバッグ 10037"},
        {"title": "Zażółć gęślą jaźń 100 % <3", "shipping": "PL:::0 PLN", "shipping_weight": "1.5 kg"},
        {"description": "a < b & c > d", "product_type": "Home > Covers", "google_product_category": "166",
         "color": "red", "gender": "male", "age_group": "adult"},
    ],
)  # fmt: skip
def test_a_clean_row_raises_nothing(values) -> None:
    assert check_rows("google_merchant", [(2, CLEAN | values)]).issues == []


def test_meta_has_its_own_spec() -> None:
    bare = {key: value for key, value in CLEAN.items() if key not in ("condition", "brand", "gtin")}
    report = check_rows("meta", [(2, bare | {"quantity_to_sell_on_facebook": "0"}), (3, CLEAN | {"id": "B" * 100})])
    assert [(issue.row, issue.attribute, issue.code, issue.severity) for issue in report.issues] == [
        (2, "brand", "identifiers-missing", "warning"),
        (2, "condition", "missing", "block"),
        (2, "quantity_to_sell_on_facebook", "invalid-number", "limit"),
    ]


def test_repeated_ids_are_named() -> None:
    report = check_rows("meta", [(2, CLEAN), (3, CLEAN), (4, CLEAN | {"id": "a"})])
    assert [(issue.row, issue.id, issue.code) for issue in report.issues] == [(3, "A", "duplicate-id")]


def test_findings_are_counted_beyond_the_samples() -> None:
    report = check_rows("meta", [(n, CLEAN | {"id": str(n), "link": ""}) for n in range(25)], samples=10)
    assert (report.items, report.errors, len(report.issues)) == (25, 25, 10)


def test_products_are_checked_as_they_would_be_published() -> None:
    report = check_products("google_merchant", [(1, product("A")), (2, product("B", currency=None, gtin="12"))])
    assert [(i.row, i.id, i.attribute, i.code, i.value) for i in report.issues] == [
        (2, "B", "gtin", "gtin-length", "12"),
        (2, "B", "price", "price-without-currency", "199.00"),
    ]


def test_a_faulty_item_is_left_out_and_named_the_others_go_on(builder, blobs, database, shelf) -> None:
    shelf.put(
        product("A"), product("B", link="nowhere"), product("C", gtin="5901234123450", title="T" * 200),
        product("D", price=None),
    )  # fmt: skip
    version = builder.build(shop(main=GOOGLE), "main")
    assert (version.items, version.blocked, version.held_reason) == (2, 2, None)
    g = "{http://base.google.com/ns/1.0}"
    items = etree.fromstring(published(blobs, version)).findall("channel/item")
    assert [item.findtext(g + "id") for item in items] == ["A", "C"]
    assert items[1].find(g + "gtin") is None
    assert items[1].findtext(g + "title") == "T" * 150
    assert {(f.code, f.attribute, f.severity, f.count) for f in findings(database, "shop", "main")} >= {
        ("missing", "price", "block", 1), ("invalid-url", "link", "block", 1),
        ("gtin-check-digit", "gtin", "limit", 1), ("too-long", "title", "limit", 1),
    }  # fmt: skip
    (link,) = issues(database, "shop", "main", code="invalid-url")
    assert (link.row, link.id, link.value) == (2, "B", "nowhere")
    assert {issue.id for issue in issues(database, "shop", "main", severity="block")} == {"B", "D"}


def test_a_sale_that_lowers_nothing_is_no_sale(builder, blobs, shelf) -> None:
    shelf.put(product("A", price=Decimal(10), sale_price=Decimal(10), sale_end_ms=1))
    version = builder.build(shop(main=META), "main")
    (row,) = csv.DictReader(io.StringIO(published(blobs, version).decode()))
    assert "sale_price" not in row


@pytest.mark.parametrize("name", ["google_merchant", "meta"])
def test_lists_of_constants_are_no_joins(shelf, name) -> None:
    """For IN the engine makes a hash table on each thread, and a build has little memory."""
    snapshot = shelf.put(product("A"))
    with _sql.connect() as engine:
        program = compile_feed(Feed(channel=name)).over(snapshot.base)
        plan = engine.execute(f"EXPLAIN {program.items(snapshot.table())}").fetchall()
    assert "JOIN" not in str(plan)


def test_attributes_that_no_product_has_are_not_looked_for(builder, shelf, blobs) -> None:
    """And those that one in many has, are."""
    goods = [product(f"P{number:03}") for number in range(200)]
    goods[150] = product("P150", attributes={"multipack": "3", "energy_efficiency_class": " a+ "})
    shelf.put(*goods)
    version = builder.build(shop(main=Feed(channel="google_merchant")), "main")
    items = etree.fromstring(published(blobs, version)).findall("channel/item")
    rows = [{etree.QName(child).localname: child.text for child in item} for item in items]
    (told,) = [row for row in rows if "multipack" in row]
    assert (told["id"], told["multipack"], told["energy_efficiency_class"]) == ("P150", "3", "A+")
