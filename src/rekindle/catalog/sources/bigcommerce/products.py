"""Products of BigCommerce's records. A product without options has one variant and no id of its own for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog.products import product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Values
from rekindle.catalog.sources._offer import deepest, label, objects_in, rows_of, shop_fact
from rekindle.catalog.variants import fill

_AVAILABLE: Final = {"available": "in_stock", "disabled": "out_of_stock", "preorder": "preorder"}


rows = rows_of("product")


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought.

    ``options.id`` is a template of ``product_id``, ``variant_id`` and ``sku``; without it a product without options has
    the id ``{product_id}`` and a variant ``{product_id}-{variant_id}``.
    """
    given = options.extra.get("id")
    with Records(prepared, report) as records:
        for number, record in records.of("product"):
            product = record.body
            if product.get("is_visible") is False:
                value = _json.text(product.get("name"))
                report.not_for_sale(number, value)
                continue
            for variant in objects_in(product.get("variants")) or [{}]:
                chosen = objects_in(variant.get("option_values"))
                template = str(given or ("{product_id}-{variant_id}" if chosen else "{product_id}"))
                values = _values(product, variant, chosen, template, records)
                if found := product_from(values, options, report, number):
                    yield Item(0, found, record.id)


def _values(
    product: dict[str, Any], variant: dict[str, Any], chosen: list[dict[str, Any]], template: str, records: Records
) -> Values:
    names: Values = {
        "product_id": _json.text(product.get("id")),
        "variant_id": _json.text(variant.get("id")),
        "sku": _json.text(variant.get("sku") or product.get("sku")),
    }
    images = sorted(objects_in(product.get("images")), key=_place)
    links = [text for one in images if (text := _json.text(one.get("url_standard") or one.get("url_zoom")))]
    if own := _json.text(variant.get("image_url")):
        links = [own, *(link for link in links if link != own)]
    brand = records.get("brand", _json.text(product.get("brand_id")))
    page = product.get("custom_url")
    path = _json.text(page.get("url")) if isinstance(page, dict) else ""
    sale = variant.get("sale_price") or product.get("sale_price")
    values: Values = {
        "id": fill(template, names),
        "group_id": names["product_id"] if chosen else "",
        "title": _json.text(product.get("name")),
        "description": _json.text(product.get("description")),
        "link": urljoin(shop_fact(records, "url"), path) if path else "",
        "image_link": links[0] if links else "",
        "additional_image_links": links[1:],
        "price": _json.text(variant.get("price") or product.get("price")),
        "sale_price": _json.text(sale) if float(sale or 0) > 0 else "",
        "currency": shop_fact(records, "currency"),
        "brand": _json.text(brand.body.get("name")) if brand else "",
        "gtin": _json.text(variant.get("gtin") or variant.get("upc") or product.get("gtin") or product.get("upc")),
        "mpn": _json.text(variant.get("mpn") or product.get("mpn")),
        "condition": _json.text(product.get("condition")).lower(),
        "product_type": deepest(records, product.get("categories") or ()),
        "sku": names["sku"],
        **_stock(product, variant),
    }
    for option in chosen:
        label(values, option.get("option_display_name"), option.get("label"))
    return values


def _stock(product: dict[str, Any], variant: dict[str, Any]) -> Values:
    known = _AVAILABLE.get(_json.text(product.get("availability")), "in_stock")
    tracking = product.get("inventory_tracking")
    if variant.get("purchasing_disabled") is True:
        return {"availability": "out_of_stock"}
    if known == "out_of_stock" or tracking not in ("product", "variant"):
        return {"availability": known}
    level = (variant if tracking == "variant" else product).get("inventory_level") or 0
    text = _json.text(level)
    return {"quantity": text, "availability": known if float(text) > 0 or known == "preorder" else "out_of_stock"}


def _place(image: dict[str, Any]) -> tuple[bool, int]:
    order = image.get("sort_order")
    return image.get("is_thumbnail") is not True, order if isinstance(order, int) else 0
