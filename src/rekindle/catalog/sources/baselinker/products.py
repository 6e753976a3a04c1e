"""Products of BaseLinker's records: one price group, the stock of all warehouses or of those that are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog.account import Record
from rekindle.catalog.products import product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Values
from rekindle.catalog.sources._offer import deepest, label, rows_of, shop_fact
from rekindle.catalog.variants import fill

rows = rows_of("product")


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield products, and variants in the place of those that have some.

    ``options.id`` is a template of ``id``, ``sku``, ``ean`` and ``product_id``, ``{id}`` unless told otherwise.
    """
    with Records(prepared, report) as records:
        for number, record in records.of("product"):
            variants = record.body.get("variants")
            chosen: list[tuple[str, Any]] = list(variants.items()) if isinstance(variants, dict) else []
            for key, variant in chosen or [(record.id, {})]:
                values = _values(record, key, variant, options, records)
                if product := product_from(values, options, report, number):
                    yield Item(0, product, record.id)


def _values(record: Record, key: str, variant: dict[str, Any], options: Options, records: Records) -> Values:
    body = record.body
    names: Values = {
        "id": key,
        "product_id": record.id,
        "sku": _json.text(variant.get("sku") or body.get("sku")),
        "ean": _json.text(variant.get("ean") or body.get("ean")),
    }
    texts = body.get("text_fields") if isinstance(body.get("text_fields"), dict) else {}
    images = [_json.text(one) for _, one in sorted(_mapping(body.get("images")).items(), key=_place)]
    maker = records.get("maker", _json.text(body.get("manufacturer_id")))
    prices = _mapping(variant.get("prices")) or _mapping(body.get("prices"))
    stock = _mapping(variant.get("stock") if variant else body.get("stock"))
    wanted = options.extra.get("warehouses") or list(stock)
    values: Values = {
        "id": fill(str(options.extra.get("id", "{id}")), names),
        "group_id": record.id if variant else "",
        "title": " ".join(part for part in (_json.text(texts.get("name")), _json.text(variant.get("name"))) if part),
        "description": _json.text(texts.get("description")),
        "link": fill(str(options.extra.get("link", "")), names),
        "image_link": images[0] if images else "",
        "additional_image_links": images[1:],
        "price": _json.text(prices.get(shop_fact(records, "price_group"))),
        "currency": shop_fact(records, "currency"),
        "quantity": str(sum(int(float(_json.text(stock.get(one)) or 0)) for one in wanted)),
        "brand": _json.text(maker.body.get("name")) if maker else "",
        "gtin": names["ean"],
        "sku": names["sku"],
        "product_type": deepest(records, [body.get("category_id")]),
    }
    for name, value in _mapping(texts.get("features")).items():
        label(values, name, value)
    return values


def _mapping(found: Any) -> dict[str, Any]:
    """Return an object; PHP writes an empty one as a list."""
    return found if isinstance(found, dict) else {}


def _place(entry: tuple[str, Any]) -> tuple[int, str]:
    number = entry[0]
    return (int(number) if number.isdecimal() else 0, number)
