"""Real files of real shops: each imports, or is refused for the right reason; counts come from another reader."""

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from lxml import etree

from rekindle.catalog import Item, Options, Refused, Report, read_items
from rekindle.catalog.staging import stage

SHOP = Options(currency="PLN", link_base="https://shop.example")


def read(path: Path, kind: str = "auto") -> tuple[list[Item], Report]:
    report = Report()
    return list(read_items(path, kind, report, SHOP)), report


def ids(items: list[Item]) -> list[str]:
    return [item.product.id for item in items]


def google_ids(data: bytes) -> list[str]:
    tree = etree.fromstring(data)
    return [(node.text or "").strip() for node in tree.iter("{http://base.google.com/ns/1.0}id")]


@pytest.mark.parametrize("name", ["google_bogo4u.xml", "google_cuttysark_au_cdata.xml", "google_ola.xml"])
def test_google_feeds_give_every_item(shared_data: Path, name: str) -> None:
    path = shared_data / name
    items, report = read(path)
    assert ids(items) == google_ids(path.read_bytes())
    assert not report.incomplete
    assert all(item.product.price and item.product.currency and item.product.link for item in items)
    assert "kind" in report.codes()


def test_google_prices_are_the_text_of_the_file(shared_data: Path) -> None:
    path = shared_data / "google_cuttysark_au_cdata.xml"
    tree = etree.parse(str(path))
    ns = {"g": "http://base.google.com/ns/1.0"}
    texts = [str(node.text).split() for node in tree.findall(".//g:price", ns)]
    items, _ = read(path)
    assert [(item.product.price, item.product.currency) for item in items] == [(Decimal(a), c) for a, c in texts]


def test_meta_with_semicolons_bom_and_crlf(shared_data: Path) -> None:
    path = shared_data / "broken" / "meta_semicolon_bom_crlf.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";"))
    items, report = read(path)
    assert ids(items) == [row["id"] for row in rows]
    assert [i.product.title for i in items] == [row["title"].strip() for row in rows]
    assert "delimiter" in report.codes()


def test_meta_template_rows_are_comments(shared_data: Path) -> None:
    items, report = read(shared_data / "meta_template_v3.csv")
    assert ids(items) == ["0", "7", "SKU12345"]
    assert items[0].product.price == Decimal("49.00")
    assert items[0].product.currency == "TND"
    assert report.codes()["comma-decimal"] == 2


def test_meta_without_currency_takes_the_sources(shared_data: Path) -> None:
    items, report = read(shared_data / "meta_dagra_pl.csv")
    assert len(items) == 10
    assert {item.product.currency for item in items} == {"PLN"}
    assert report.codes()["currency-assumed"] == 10


def test_shopify_json_gives_every_variant(shared_data: Path) -> None:
    path = shared_data / "shopify_products_public.json"
    variants = [variant for product in json.loads(path.read_text()) for variant in product["variants"]]
    items, _ = read(path)
    assert ids(items) == [str(variant["id"]) for variant in variants]
    assert [item.product.attributes.get("sku", "") for item in items] == [v["sku"] or "" for v in variants]


def test_shopify_bulk_joins_children_in_any_order(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "broken" / "shopify_bulk_parentid.jsonl"
    lines = path.read_text().splitlines()
    wanted = {v["id"].rpartition("/")[2]: v["__parentId"] for v in map(json.loads, lines) if "__parentId" in v}
    turned = tmp_path / "turned.jsonl"
    turned.write_text("\n".join(reversed(lines)) + "\n")
    for given in (path, turned):
        items, report = read(given)
        assert {i.product.id: f"gid://shopify/Product/{i.product.group_id}" for i in items} == wanted
        assert all(item.product.title for item in items)
        assert not report.incomplete


def test_shopify_csv_gives_rows_with_a_price(shared_data: Path) -> None:
    path = shared_data / "shopify_partners_apparel.csv"
    rows = [
        row
        for row in csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))
        if row["Variant Price"]
    ]
    items, report = read(path)
    assert [item.product.group_id for item in items] == [row["Handle"] for row in rows]
    assert len(set(ids(items))) == len(items)
    assert report.codes()["id-made-up"] == len(items)  # the export has no SKU at all


def test_woocommerce_header_behind_bom_and_tab(shared_data: Path) -> None:
    path = shared_data / "woocommerce_export_artur.csv"
    text = path.read_text(encoding="utf-8").replace("\ufeff", "").lstrip()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["Опубликован"] == "1"]
    items, report = read(path)
    assert ids(items) == [row["ID"] for row in rows]
    assert [item.product.price for item in items] == [Decimal(row["Базовая цена"]) for row in rows]
    assert report.codes()["not-published"] == 2


def test_magento_multi_line_cells(shared_data: Path) -> None:
    path = shared_data / "magento2_gear_bags.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
    items, _ = read(path)
    assert ids(items) == [row["sku"] for row in rows]
    assert items[0].product.product_type == "Gear > Bags"


def test_idosell_sizes_are_variants(shared_data: Path) -> None:
    path = shared_data / "idosell_iof_full.xml"
    sizes = etree.parse(str(path)).findall(".//size")
    items, _ = read(path)
    assert ids(items) == [size.get("code") for size in sizes]


@pytest.mark.parametrize("name", ["ceneo_dagra.xml", "broken/ceneo_windows-1250.xml"])
def test_ceneo(shared_data: Path, name: str) -> None:
    path = shared_data / name
    offers = etree.parse(str(path)).findall(".//o")
    items, _ = read(path)
    assert ids(items) == [offer.get("id") for offer in offers]
    assert [i.product.title for i in items] == [str(offer.findtext("name")).strip() for offer in offers]
    assert [i.product.price for i in items] == [Decimal(str(offer.get("price"))) for offer in offers]


def test_lying_encoding_reads_like_the_honest_file(shared_data: Path) -> None:
    honest, _ = read(shared_data / "broken" / "ceneo_windows-1250.xml")
    lying, report = read(shared_data / "broken" / "ceneo_lies_utf8_is_cp1250.xml")
    assert lying == honest
    assert report.codes()["encoding-guessed"] == 1


def test_bare_ampersands_are_repaired_and_counted(shared_data: Path) -> None:
    path = shared_data / "broken" / "google_unescaped_amp.xml"
    raw = path.read_text(encoding="utf-8")
    bare = len(re.findall(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)", raw))
    items, report = read(path)
    assert len(items) == raw.count("<item>")
    assert items[0].product.link == "https://www.importpc.cz/ZZ-DEL195462P/?utm_source=x&utm_medium=cpc"
    issue = next(issue for issue in report.issues if issue.code == "unescaped-ampersand")
    assert issue.value.startswith(f"{bare} times")
    assert not report.incomplete


def test_truncated_xml_is_read_to_the_break_and_marked(shared_data: Path) -> None:
    path = shared_data / "broken" / "google_truncated.xml"
    items, report = read(path)
    assert len(items) == path.read_bytes().count(b"</item>")
    assert report.incomplete
    assert report.codes()["xml-truncated"] == 1


def test_a_login_page_is_refused(shared_data: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(shared_data / "broken" / "html_login_page.xml")
    assert refused.value.issue.code == "login-page"
    assert "public address" in str(refused.value)


def test_repeated_ids_are_listed_and_counted(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "broken" / "google_duplicate_ids.xml"
    found = google_ids(path.read_bytes())
    report = Report()
    snapshot = stage(read_items(path, "auto", report, SHOP), "main", tmp_path, report)
    rows = duckdb.sql(f"SELECT id FROM read_parquet('{snapshot}')").fetchall()
    assert [row[0] for row in rows] == sorted(set(found))
    assert report.codes()["duplicate-id"] == len(found) - len(set(found))
    first = next(issue for issue in report.issues if issue.code == "duplicate-id")
    assert first.row is not None
    assert found.index(first.id) + 1 == int(first.value.removeprefix("as row ")) < first.row
