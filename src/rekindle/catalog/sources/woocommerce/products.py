"""Products of WooCommerce's records: a variable product lends its texts and images to its variations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog.account import Record
from rekindle.catalog.products import product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Values
from rekindle.catalog.sources._offer import deepest, label, objects_in, rows_of, shop_fact
from rekindle.catalog.variants import fill

_LENT: Final = ("name", "description", "short_description", "categories", "brands", "tags", "status", "permalink")
_SOLD: Final = frozenset({"simple", "external", "subscription", "variation", "subscription_variation"})
_STOCK: Final = {"instock": "in_stock", "outofstock": "out_of_stock", "onbackorder": "backorder"}


rows = rows_of("product", "variation")


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought. ``options.id`` is a template of ``id``, ``sku`` and ``parent_id``, ``{id}`` at first."""
    template = str(options.extra.get("id", "{id}"))
    with Records(prepared, report) as records:
        currency = shop_fact(records, "currency")
        for number, record in records.of("product", "variation"):
            body = record.body
            parent = records.get("product", record.parent) if record.parent else None
            if record.kind == "product" and body.get("type", "simple") not in _SOLD:
                continue
            if record.parent and parent is None:
                continue  # its product was deleted while the shop was walked
            if parent is not None:
                body = {**body, **{name: parent.body.get(name) for name in _LENT if not body.get(name)}}
            if (parent.body if parent else body).get("status") != "publish" or body.get("status") != "publish":
                status = _json.text(body.get("status"))
                report.not_for_sale(number, status)
                continue
            values = _values(body, parent, template, records) | {"currency": currency}
            if product := product_from(values, options, report, number):
                yield Item(0, product, record.parent or record.id)


def _values(body: dict[str, Any], parent: Record | None, template: str, records: Records) -> Values:
    names = {
        "id": _json.text(body.get("id")),
        "sku": _json.text(body.get("sku")),
        "parent_id": parent.id if parent else "",
    }
    regular, current = _json.text(body.get("regular_price")), _json.text(body.get("price"))
    images = _images(body) or (_images(parent.body) if parent else [])
    values: Values = {
        "id": fill(template, dict(names)),
        "group_id": names["parent_id"],
        "title": _json.text(body.get("name") if parent is None else parent.body.get("name")),
        "description": _json.text(body.get("description") or body.get("short_description")),
        "link": _json.text(body.get("permalink")),
        "image_link": images[0] if images else "",
        "additional_image_links": images[1:],
        "price": regular or current,
        "sale_price": _json.text(body.get("sale_price")) if regular else "",
        "sale_start": _utc(body.get("date_on_sale_from_gmt")),
        "sale_end": _utc(body.get("date_on_sale_to_gmt")),
        "availability": _STOCK.get(_json.text(body.get("stock_status")), ""),
        "quantity": _json.text(body.get("stock_quantity")),
        "brand": _names(body.get("brands"))[:1],
        "gtin": _json.text(body.get("global_unique_id")),
        "product_type": deepest(records, [one.get("id") for one in objects_in(body.get("categories"))]),
        "sku": names["sku"],
        "tags": ", ".join(_names(body.get("tags"))),
        "weight": _json.text(body.get("weight")),
    }
    for attribute in [
        *objects_in(body.get("attributes")),
        *(objects_in(parent.body.get("attributes")) if parent else []),
    ]:
        if not (parent and attribute.get("variation") and "options" in attribute):
            label(values, attribute.get("name"), attribute.get("option") or attribute.get("options"))
    return values


def _images(body: dict[str, Any]) -> list[str]:
    one = body.get("image")
    listed = [one] if isinstance(one, dict) else objects_in(body.get("images"))
    return [src for image in listed if (src := _json.text(image.get("src")))]


def _names(listed: Any) -> list[str]:
    return [name for one in objects_in(listed) if (name := _json.text(one.get("name")))]


def _utc(moment: Any) -> str:
    text = _json.text(moment)
    return f"{text}Z" if text and not text.endswith("Z") else text
