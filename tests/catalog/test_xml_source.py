"""XML of a shape of its own, by the path to its items and a mapping."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rekindle.catalog import Options, Report, read_items
from rekindle.catalog.report import Refused

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<yml_catalog xmlns:x="https://x.example"><shop>
  <gifts><offer id="0"><name>Gift</name></offer></gifts>
  <offers>
    <offer id="A1" available="true"><name>Bike &amp; bell</name><price currency="PLN">1 299,00</price>
      <url>https://s.example/a1</url><picture>https://s.example/1.jpg</picture><picture>https://s.example/2.jpg</picture>
      <maker><title>Acme</title></maker><param name="Color">red</param><param name="Weight">12</param></offer>
    <offer id="A2" available="false"><name>Bell</name><price currency="EUR">5</price><x:url>https://s.example/a2</x:url>
    </offer>
  </offers></shop></yml_catalog>
"""
COLUMNS = {
    "id": "@id", "title": "name", "price": "price", "currency": "price.@currency", "link": "url", "brand": "maker.title",
    "image_link": "picture", "availability": "@available", "color": "param[Color]",
}  # fmt: skip


def read(folder: Path, text: str = FILE, **extra: Any) -> tuple[list[Any], Report]:
    path, report = folder / "feed.xml", Report()
    path.write_text(text, encoding="utf-8")
    items = list(read_items(path, "xml", report, Options(columns=COLUMNS, extra=extra)))
    return [item.product for item in items], report


def test_items_are_found_by_path_and_fields_by_theirs(tmp_path: Path) -> None:
    (bike, bell), report = read(tmp_path, item="shop/offers/offer")
    assert (bike.id, bike.title, bike.price, bike.currency) == ("A1", "Bike & bell", Decimal("1299.00"), "PLN")
    assert (bike.brand, bike.color, bike.availability) == ("Acme", "red", "in_stock")
    assert bike.image_link == "https://s.example/1.jpg"
    assert (bell.id, bell.link, bell.currency, bell.availability) == (
        "A2",
        "https://s.example/a2",
        "EUR",
        "out_of_stock",
    )
    assert not report.incomplete


def test_without_a_path_the_name_alone_counts(tmp_path: Path) -> None:
    products, _ = read(tmp_path, item="offer")
    assert [product.id for product in products] == ["0", "A1", "A2"]


def test_a_file_that_ends_early_is_incomplete(tmp_path: Path) -> None:
    products, report = read(tmp_path, FILE[:-80], item="shop/offers/offer")
    assert products
    assert report.incomplete


@pytest.mark.parametrize("extra", [{}, {"item": ""}, {"item": "a//b"}, {"item": "a[1]"}, {"item": 3}])
def test_the_path_must_be_said(tmp_path: Path, extra: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="item-missing"):
        read(tmp_path, **extra)
