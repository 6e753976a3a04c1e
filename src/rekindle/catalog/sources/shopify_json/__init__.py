"""A shop's public ``products.json``, or the REST answer of the same shape; one product is one variant there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rekindle.catalog import _json
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values
from rekindle.catalog.sources import _shopify

TITLE = "Shopify products.json"
OPTIONS = ()


def sniff(prepared: Prepared) -> str | None:
    """Recognise a list of products that have a handle and variants."""
    head = prepared.head.lstrip()
    if not head.startswith("[") and not re.match(r'\{\s*"products"\s*:\s*\[', head):
        return None
    if '"handle"' in head and '"variants"' in head:
        return "JSON with products that have handle and variants"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield one row for each variant, with its product's fields."""
    number = 0
    for place, product in _json.array(prepared, "products", report):
        variants = product.get("variants")
        if not isinstance(variants, list) or not variants:
            remedy = "a Shopify product has at least one variant; the product was left out"
            report.add("no-variants", remedy, severity="error", row=number + 1, value=f"product {place}")
            continue
        shared = _product(product)
        for variant in variants:
            number += 1
            if isinstance(variant, dict):
                yield Row(number, shared | _variant(variant, product))


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the variants that are for sale. ``options.id`` is a template, ``{variant_id}`` unless told otherwise."""
    _shopify.without_link(options, report)
    template = str(options.extra.get("id", "{variant_id}"))
    for row in rows(prepared, options, report):
        if not _shopify.unsold(row.values, report, row.number) and (
            item := _shopify.to_item(row, template, options, report)
        ):
            yield item


def _product(product: dict[str, Any]) -> Values:
    tags = product.get("tags")
    values: Values = {
        "product_id": _json.text(product.get("id")),
        "handle": _json.text(product.get("handle")),
        "title": _json.text(product.get("title")),
        "body": _json.text(product.get("body_html")),
        "vendor": _json.text(product.get("vendor")),
        "type": _json.text(product.get("product_type")),
        "tags": ", ".join(map(str, tags)) if isinstance(tags, list) else _json.text(tags),
        "images": [_json.text(image.get("src")) for image in _objects(product.get("images"))],
    }
    if "status" in product:
        values["status"] = _json.text(product["status"])
    return values


def _variant(variant: dict[str, Any], product: dict[str, Any]) -> Values:
    values: Values = {
        "variant_id": _json.text(variant.get("id")),
        "variant_title": _json.text(variant.get("title")),
        "sku": _json.text(variant.get("sku")),
        "barcode": _json.text(variant.get("barcode")),
        "price": _json.text(variant.get("price")),
        "compare_at_price": _json.text(variant.get("compare_at_price")),
        "available": _json.text(variant.get("available")),
        "quantity": _json.text(variant.get("inventory_quantity")),
        "policy": _json.text(variant.get("inventory_policy")),
        "grams": _json.text(variant.get("grams")),
        "image": _image(variant, product),
    }
    if "inventory_management" in variant and variant["inventory_management"] is None:
        values["tracked"] = "false"
    for place, option in enumerate(_objects(product.get("options")), 1):
        if value := _json.text(variant.get(f"option{place}")):
            values[f"option.{_json.text(option.get('name'))}"] = value
    return values


def _image(variant: dict[str, Any], product: dict[str, Any]) -> str:
    featured = variant.get("featured_image")
    if isinstance(featured, dict):
        return _json.text(featured.get("src"))
    wanted = variant.get("image_id")
    for image in _objects(product.get("images")):
        if wanted is not None and image.get("id") == wanted:
            return _json.text(image.get("src"))
    return ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
