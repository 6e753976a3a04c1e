"""A Magento 2 or Adobe Commerce shop through its REST API."""

from __future__ import annotations

from typing import Final

from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.magento.account import configure
from rekindle.catalog.sources.magento.products import items, rows

TITLE = "Magento 2 and Adobe Commerce, through the REST API"

manifest: Final = Manifest(
    name="magento",
    steps=(
        "System › Integrations › Add New Integration; on the tab API choose the resources that token names; save, activate, and copy the access token.",
        "From 2.4.4 on: Stores › Configuration › Services › OAuth › Consumer Settings › Allow OAuth Access Tokens to be used as standalone Bearer tokens: Yes.",
    ),
    settings=(
        Setting("url", "the shop's address, such as https://shop.example", required=True),
        Setting("store", "the code of the store view [default: default]"),
        Setting("attributes", "select attributes whose labels are wanted [default: color, size, manufacturer]"),
        Setting("url_suffix", "the end of product addresses [default: .html]"),
    ),
    secrets=(
        Setting(
            "token",
            "the access token of an integration with the resources Products and Categories (Catalog), Attributes (Stores) "
            "and Sources (Stores › Inventory)",
            required=True,
        ),
    ),
    per_second=4,
    unverified=(
        "Prices are as the API gives them: catalogue price rules are not in them. An access token alone is taken only when "
        "Stores › Configuration › OAuth › Consumer Settings allows it (2.4.4 and later). Without Inventory Management the "
        "stock is read where the list of products holds it, which Magento itself does not do (its issues 24418 and 36533): an "
        "extension that adds stock_item, or a second source with supplement = true, gives it then."
    ),
    checked=(
        "routes, resources and fields of products, attributes, categories, store configuration, stock by source and "
        "variants, base currency and special price dates: Magento's and its inventory's own source"
    ),
    documents=(
        "https://developer.adobe.com/commerce/webapi/rest/use-rest/performing-searches/",
        "https://developer.adobe.com/commerce/webapi/get-started/authentication/gs-authentication-token/",
    ),
)


__all__ = ["TITLE", "configure", "items", "manifest", "rows", "sniff"]
