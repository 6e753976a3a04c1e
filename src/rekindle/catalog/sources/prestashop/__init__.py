"""A PrestaShop shop through its web service."""

from __future__ import annotations

from typing import Final

from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.row import Prepared
from rekindle.catalog.sources.prestashop.account import configure
from rekindle.catalog.sources.prestashop.products import items, rows

TITLE = "PrestaShop, through its web service"

manifest: Final = Manifest(
    name="prestashop",
    settings=(
        Setting("url", "the shop's address, such as https://shop.example", required=True),
        Setting("language", "the id of the language that is read [default: 1]"),
        Setting("image_type", "the kind of picture [default: large_default]"),
    ),
    secrets=(
        Setting(
            "key",
            "a web service key that may GET products, combinations, stock_availables, categories, product_options, "
            "product_option_values, configurations and currencies",
            required=True,
        ),
    ),
    per_second=4,
    unverified=(
        "Prices with tax and discounts are asked for as calculated fields (price[…][use_tax]); that lists hold them was seen in "
        "the documentation for single products only."
    ),
    documents=(
        "https://devdocs.prestashop-project.org/8/webservice/",
        "https://devdocs.prestashop-project.org/8/webservice/tutorials/advanced-use/specific-price/",
    ),
)


def sniff(_prepared: Prepared) -> str | None:
    """No file is an account."""
    return None


__all__ = ["TITLE", "configure", "items", "manifest", "rows", "sniff"]
