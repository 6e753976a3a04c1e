"""A Shopify shop through its Admin API: a bulk operation for everything, single products when they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rekindle.catalog._asking import check_hmac, hook_body
from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared
from rekindle.catalog.sources import shopify_bulk
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.shopify.account import configure
from rekindle.catalog.sources.shopify_bulk import rows

TITLE = "Shopify, through its Admin API"

manifest: Final = Manifest(
    name="shopify",
    steps=(
        "Dev Dashboard (dev.shopify.com) › Apps › Create app, in the organization that the shop belongs to; scopes read_products and read_inventory; release the version and install it in the shop.",
        "Its settings show client id and client secret: leave token empty and give these two. An app that was made in the shop's own admin before 2026 has a token instead (Apps › Develop apps › the app › API credentials).",
    ),
    settings=(
        Setting("shop", "the shop's own domain, such as acme.myshopify.com", required=True),
        Setting("api_version", "a version of the Admin API, from 2026-01 [default: 2026-07]"),
    ),
    secrets=(
        Setting("token", "an Admin API access token with the scopes read_products and read_inventory"),
        Setting("client_id", "instead of a token: the app's client id, with client_secret"),
        Setting("client_secret", "the app's client secret"),
    ),
    hook_secret="the app's client secret",  # noqa: S106 - a description
    since=True,
    checked=(
        "every field of the queries: types made from the Admin API's schema of 2025-10; bulkOperation by its id: Shopify's "
        "change log (2026-01). ProductVariant.image is deprecated there in favour of media, and still read"
    ),
    documents=(
        "https://shopify.dev/docs/api/usage/bulk-operations/queries",
        "https://shopify.dev/docs/api/usage/limits",
        "https://shopify.dev/docs/apps/build/webhooks",
    ),
)
_PRODUCTS: Final = frozenset({"products/create", "products/update", "products/delete"})
_STOCK: Final = {
    "inventory_levels/update": "inventory_item_id",
    "inventory_levels/connect": "inventory_item_id",
    "inventory_levels/disconnect": "inventory_item_id",
    "inventory_items/update": "id",
}


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the variants that are for sale. ``options.id`` is a template, ``{variant_id}`` unless told otherwise."""
    for item in shopify_bulk.items(prepared, options, report):
        yield Item(0, item.product, item.product.group_id or "")


def hint(headers: Mapping[str, str], body: bytes, secret: str, _now_ms: int) -> Sequence[str]:
    """Return the product or inventory item of a webhook. Raises `Unsigned` (Shopify, webhooks: verify deliveries)."""
    check_hmac(body, headers.get("x-shopify-hmac-sha256", ""), secret)
    topic, found = headers.get("x-shopify-topic", ""), hook_body(body)
    if topic in _PRODUCTS and found.get("id"):
        return [str(found["id"])]
    if (name := _STOCK.get(topic)) and found.get(name):
        return [f"inventory_item:{found[name]}"]
    return []


__all__ = ["TITLE", "configure", "hint", "items", "manifest", "rows", "sniff"]
