"""What the Shopify sources share: one variant, with its product's fields, as named values."""

from __future__ import annotations

from urllib.parse import quote

from rekindle.catalog import values as read
from rekindle.catalog.products import first, listed, product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Row, Values
from rekindle.catalog.variants import COLOR, SIZE, fill


def to_item(row: Row, template: str, options: Options, report: Report) -> Item | None:
    """Return the product of one variant.

    Values used: ``variant_id product_id handle url currency title variant_title body vendor type tags sku barcode price
    compare_at_price available quantity policy tracked grams image images option.<name>``.
    """
    values = row.values
    given: Values = {
        "id": fill(template, values),
        "title": values.get("title", ""),
        "group_id": values.get("product_id") or values.get("handle", ""),
        "description": values.get("body", ""),
        "brand": values.get("vendor", ""),
        "product_type": values.get("type", ""),
        "gtin": read.article_number(first(values.get("barcode", ""))) or values.get("barcode", ""),
        "sku": values.get("sku", ""),
        "handle": values.get("handle", ""),
        "tags": values.get("tags", ""),
        "currency": values.get("currency", ""),
    }
    variant = first(values.get("variant_title", ""))
    if variant and variant != "Default Title":
        given["variant_title"] = variant
    given |= _prices(values) | _stock(values) | _images(values)
    if link := _link(values, options):
        given["link"] = link
    grams = first(values.get("grams", ""))
    if grams and grams not in ("0", "0.0"):
        given["shipping_weight"] = f"{grams} g"
    for name, value in values.items():
        if name.startswith("option.") and first(value) != "Default Title":
            option = name.removeprefix("option.").strip()
            word = option.lower()
            given["color" if word in COLOR else "size" if word in SIZE else word] = value
        elif name.startswith("google."):
            given[name.removeprefix("google.")] = value
    product = product_from(given, options, report, row.number)
    return Item(row.number, product) if product else None


def _prices(values: Values) -> Values:
    price, before = first(values.get("price", "")), first(values.get("compare_at_price", ""))
    try:
        if before and read.price(before).amount > read.price(price).amount:
            return {"price": before, "sale_price": price}
    except ValueError:
        pass  # the price itself will be reported
    return {"price": price}


def _stock(values: Values) -> Values:
    known = {"quantity": quantity} if (quantity := first(values.get("quantity", ""))) else {}
    available = read.truth(first(values.get("available", "")))
    if available is not None:
        return {**known, "availability": "in_stock" if available else "out_of_stock"}
    if values.get("tracked") == "false":
        return {"availability": "in_stock"}  # Shopify sells what it does not count
    if values.get("policy") == "continue":
        return {**known, "availability": "in_stock"}
    return dict(known)


def _images(values: Values) -> Values:
    images = [image for image in listed(values.get("images", [])) if image]
    main = first(values.get("image", "")) or (images[0] if images else "")
    return {"image_link": main, "additional_image_links": [image for image in images if image != main]}


def _link(values: Values, options: Options) -> str:
    variant = first(values.get("variant_id", ""))
    query = f"?variant={quote(variant)}" if variant else ""
    if url := first(values.get("url", "")):
        return url + query
    handle = first(values.get("handle", ""))
    if not options.link_base or not handle:
        return ""
    return f"{options.link_base.rstrip('/')}/products/{quote(handle)}{query}"


def without_link(options: Options, report: Report) -> None:
    """Say once that the export holds no addresses of pages."""
    if not options.link_base:
        remedy = "set link_base of the source to the shop's address; the export has no links"
        report.add("no-link", remedy, attribute="link")


def unsold(values: Values, report: Report, row: int) -> bool:
    """Return whether the product is not for sale (draft, archived, unpublished), and note it."""
    for name in ("status", "published"):
        text = first(values.get(name, ""))
        if read.truth(text) is False:
            report.not_for_sale(row, f"{name}: {text}")
            return True
    return False
