"""A PrestaShop shop through its web service."""

from __future__ import annotations

from typing import Final

from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.prestashop.account import configure
from rekindle.catalog.sources.prestashop.products import items, rows

TITLE = "PrestaShop, through its web service"

manifest: Final = Manifest(
    name="prestashop",
    steps=(
        "Advanced Parameters › Webservice: enable the webservice, then Add new webservice key › Generate.",
        "Tick GET for the resources that key names, and nothing else; save.",
    ),
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
    unverified="Addresses of pictures are those of a shop with short addresses (Shop Parameters › Traffic & SEO).",
    checked=(
        "resources, filters, the fields of products and of stock, calculated prices in lists and their decimals: "
        "PrestaShop's own source (classes/webservice, Product, StockAvailable)"
    ),
    documents=(
        "https://devdocs.prestashop-project.org/8/webservice/",
        "https://devdocs.prestashop-project.org/8/webservice/tutorials/advanced-use/specific-price/",
    ),
)


__all__ = ["TITLE", "configure", "items", "manifest", "rows", "sniff"]
