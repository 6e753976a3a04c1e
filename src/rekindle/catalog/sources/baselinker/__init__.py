"""A catalogue of BaseLinker."""

from __future__ import annotations

from typing import Final

from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.baselinker.account import configure
from rekindle.catalog.sources.baselinker.products import items, rows

TITLE = "BaseLinker, through its API"

manifest: Final = Manifest(
    name="baselinker",
    steps=(
        "Account & other › My account › API: add a token.",
        "The catalogue's number (inventory_id) and those of price groups and warehouses are what getInventories, getInventoryPriceGroups and getInventoryWarehouses answer.",
    ),
    settings=(
        Setting("inventory_id", "the id of the catalogue (a number)", required=True),
        Setting("link", "the address of a product's page as a template of id, sku, ean and product_id", required=True),
        Setting("price_group", "the id of the price group [default: the account's default group]"),
        Setting("warehouses", "ids of the warehouses whose stock counts, such as bl_206 [default: all]"),
    ),
    secrets=(Setting("token", "an API token of the account", required=True),),
    per_second=1.5,
    unverified=(
        "Two details are known from published integrations only: pages of products in the order of ids, and the words of a "
        "blocked token, on which several of them agree (ERROR_BLOCKED_TOKEN, until when)."
    ),
    checked="address, token, quota and methods: BaseLinker's own documentation of 2026",
    documents=("https://api.baselinker.com/",),
)


__all__ = ["TITLE", "configure", "items", "manifest", "rows", "sniff"]
