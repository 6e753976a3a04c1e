"""The shop and the catalogue import read the same file the same way: what is sold is what is advertised."""

from __future__ import annotations

import pytest

from rekindle.catalog.reading import read_items
from rekindle.catalog.row import Options
from rekindle.sandbox.shop import CATALOG, load_catalog

SAME = (
    "id",
    "title",
    "group_id",
    "description",
    "currency",
    "availability",
    "quantity",
    "brand",
    "mpn",
    "color",
    "size",
)


@pytest.mark.parametrize("kind", ["csv", "auto"])
def test_the_catalogue_import_sees_the_same_products(kind: str):
    options = Options(currency="PLN", link_base="https://halny.example")
    imported = {item.product.id: item.product for item in read_items(CATALOG, kind, options=options)}
    sold = {product.id: product for product in load_catalog()}
    assert imported.keys() == sold.keys()
    for item_id, product in sold.items():
        found = imported[item_id]
        assert {name: getattr(found, name) for name in SAME} == {name: getattr(product, name) for name in SAME}
        assert (found.price, found.link) == (product.price, f"https://halny.example/p/{item_id}")
        assert found.image_link == f"https://halny.example/img/{item_id}.svg"
        assert found.attributes["title_pl"] == product.attributes["title_pl"]
