"""What each channel writes, read back by independent readers."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from rekindle.engines.blobs import FolderBlobs
from rekindle.feeds import FeedBuilder, FeedVersion, _sql
from rekindle.feeds.channel import channel, channels
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import GOOGLE, META, product, published, shop

G = "{http://base.google.com/ns/1.0}"
AWKWARD = product(
    "A&1", title='Żółty "pokrowiec" <b> & co, 2×3', description="<p>Miękki</p>\nline two &amp; a < b",
    additional_image_links=["https://cdn.example/1.jpg", "https://cdn.example/2,3.jpg"],
    price=Decimal("1234.5"), sale_price=Decimal("999"), sale_start_ms=1_788_000_000_000, sale_end_ms=1_788_600_000_000,
    group_id="G1", color="zielony", custom_labels=["lato", "", "x"], attributes={"shipping_label": "light"},
)  # fmt: skip


def read_back(builder: FeedBuilder, blobs: FolderBlobs, feed: Feed) -> tuple[FeedVersion, bytes]:
    version = builder.build(shop(main=feed), "main")
    content = published(blobs, version)
    assert gzip.decompress(blobs.path(version.gzip_digest).read_bytes()) == content
    return version, content


def test_google_rss_field_by_field(builder, blobs, shelf) -> None:
    shelf.put(AWKWARD, product("B2"))
    version, content = read_back(builder, blobs, GOOGLE)
    tree = etree.fromstring(content)
    assert tree.findtext("channel/title") == "Pokrowce & Co"
    items = tree.findall("channel/item")
    assert version.items == len(items) == 2
    got: dict[str, list[str]] = {}
    for element in items[0]:
        got.setdefault(str(element.tag).removeprefix(G), []).append(element.text or "")
    assert got == {
        "id": ["A&1"],
        "title": ['Żółty "pokrowiec" <b> & co, 2×3'],
        "description": ["Miękki \nline two & a < b"],
        "link": ["https://shop.example/A&1"],
        "image_link": ["https://cdn.example/A&1.jpg"],
        "additional_image_link": ["https://cdn.example/1.jpg", "https://cdn.example/2,3.jpg"],
        "availability": ["in_stock"],
        "price": ["1234.50 PLN"],
        "sale_price": ["999.00 PLN"],
        "sale_price_effective_date": ["2026-08-29T10:40Z/2026-09-05T09:20Z"],
        "product_type": ["Home > Covers"],
        "brand": ["Dagra"],
        "gtin": ["5901234123457"],
        "condition": ["new"],
        "color": ["zielony"],
        "item_group_id": ["G1"],
        "custom_label_0": ["lato"],
        "custom_label_2": ["x"],
        "shipping_label": ["light"],
    }


def test_meta_csv_field_by_field(builder, blobs, shelf) -> None:
    shelf.put(AWKWARD, product("B2", availability="backorder", quantity=0))
    _, content = read_back(builder, blobs, META)
    first, second = csv.DictReader(io.StringIO(content.decode()))
    assert first == {
        "id": "A&1", "title": 'Żółty "pokrowiec" <b> & co, 2×3', "description": "Miękki \nline two & a < b",
        "availability": "in stock", "condition": "new", "price": "1234.50 PLN", "link": "https://shop.example/A&1",
        "image_link": "https://cdn.example/A&1.jpg", "brand": "Dagra", "quantity_to_sell_on_facebook": "3",
        "sale_price": "999.00 PLN",
        "sale_price_effective_date": "2026-08-29T10:40+00:00/2026-09-05T09:20+00:00", "item_group_id": "G1",
        "color": "zielony", "gtin": "5901234123457",
        "additional_image_link": "https://cdn.example/1.jpg,https://cdn.example/2%2C3.jpg",
        "product_type": "Home > Covers", "custom_label_0": "lato", "custom_label_2": "x",
    }  # fmt: skip
    assert second["availability"] == "available for order"
    assert second["quantity_to_sell_on_facebook"] == ""


@pytest.mark.parametrize(
    ("price", "currency", "text"),
    [("12.34", "PLN", "12.34 PLN"), ("1200", "JPY", "1200 JPY"), ("1.5", "KWD", "1.500 KWD"), ("7", "EUR", "7.00 EUR")],
)
def test_money_has_the_currency_s_own_digits(builder, blobs, shelf, price, currency, text) -> None:
    shelf.put(product("A", price=Decimal(price), currency=currency))
    _, content = read_back(builder, blobs, GOOGLE)
    assert etree.fromstring(content).findtext(f"channel/item/{G}price") == text


def test_shipping_becomes_nested_elements(builder, blobs, shelf) -> None:
    shelf.put(product("A"))
    rule = FeedRule(do="set", attribute="shipping", value="PL::Kurier:9.99 PLN")
    _, content = read_back(builder, blobs, Feed(channel="google_merchant", rule=[rule]))
    shipping = etree.fromstring(content).find(f"channel/item/{G}shipping")
    assert shipping is not None
    assert [(str(part.tag).removeprefix(G), part.text) for part in shipping] == [
        ("country", "PL"), ("service", "Kurier"), ("price", "9.99 PLN"),
    ]  # fmt: skip


def test_a_machine_s_text_says_so(builder, blobs, shelf) -> None:
    """Google product data specification: structured_title stands in the place of title, with its digital source."""
    shelf.put(product("A"), product("B"))
    title, text = "trained_algorithmic_media:Soft: made for you", "Soft, washable"
    feed = Feed(channel="google_merchant", rule=[
        FeedRule(do="set", attribute="title", value=""),
        FeedRule(do="set", attribute="structured_title", value=title),
        FeedRule(do="set", attribute="structured_description", value=text),
        FeedRule(do="set", attribute="structured_title", value="", when="id = 'B'"),
    ])  # fmt: skip
    version, content = read_back(builder, blobs, feed)
    (item,) = etree.fromstring(content).iter("item")
    structured = item.find(f"{G}structured_title")
    assert structured is not None
    assert [(part.tag.removeprefix(G), part.text) for part in structured] == [
        ("digital_source_type", "trained_algorithmic_media"), ("content", "Soft: made for you"),
    ]  # fmt: skip
    assert item.find(f"{G}title") is None
    assert item.find(f"{G}structured_description") is None, "a text of unknown source is left out"
    assert version.blocked == 1, "neither title is there"


def test_equal_input_gives_equal_bytes(builder, shelf) -> None:
    shelf.put(*(product(f"P{number:04}") for number in range(500)))
    first, second = (builder.build(shop(main=GOOGLE), "main") for _ in range(2))
    assert (first.digest, first.gzip_digest) == (second.digest, second.gzip_digest)
    assert second.version == first.version + 1


def test_a_large_catalogue_is_whole_and_in_order(builder, blobs, shelf) -> None:
    """Several row groups are read and many written, by all cores."""
    shelf.put(*(product(f"P{number:05}") for number in range(30_000)))
    _, content = read_back(builder, blobs, META)
    ids = [row["id"] for row in csv.DictReader(io.StringIO(content.decode()))]
    assert ids == [f"P{number:05}" for number in range(30_000)]


def test_items_are_ordered_by_id_across_slices(builder, blobs, shelf, monkeypatch) -> None:
    monkeypatch.setattr("rekindle.feeds.output.SLICE", 2048)
    shelf.put(*(product(f"P{number:04}") for number in reversed(range(5000))))
    _, content = read_back(builder, blobs, META)
    ids = [row["id"] for row in csv.DictReader(io.StringIO(content.decode()))]
    assert ids == [f"P{number:04}" for number in range(5000)]


ENGINE = _sql.connect()
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


def allowed_in_xml(text: str) -> str:
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\x7f\ufffe\uffff"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXT)
def test_any_text_survives_xml(text: str) -> None:
    cleaned = allowed_in_xml(text)
    row = ENGINE.execute(f"SELECT rk_xml(rk_without(?, {_sql.text(_sql.CONTROL)}))", [text]).fetchone()
    assert row is not None
    parsed = etree.fromstring(f"<t>{row[0]}</t>".encode())
    assert (parsed.text or "") == cleaned


@settings(deadline=None)
@given(st.lists(TEXT, min_size=2, max_size=4))
def test_any_text_survives_csv(cells: list[str]) -> None:
    row = ENGINE.execute("SELECT array_to_string(list_transform(?, lambda c: rk_cell(c)), ',')", [cells]).fetchone()
    assert row is not None
    assert next(csv.reader(io.StringIO(row[0] + "\n", newline=""), strict=True)) == cells


def test_every_fact_names_its_source() -> None:
    for name in channels():
        spec = channel(name).spec
        assert spec.version
        assert set(channel(name).mapping) <= set(spec.names)
        assert {attribute.source for attribute in spec.attribute} <= {reference.id for reference in spec.reference}
