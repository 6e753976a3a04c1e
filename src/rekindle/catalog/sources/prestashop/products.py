"""Products of PrestaShop's records. A product with combinations is sold as these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog._spill import Spill
from rekindle.catalog.account import Record
from rekindle.catalog.products import product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Values
from rekindle.catalog.sources._offer import deepest, label, objects_in, rows_of, shop_fact
from rekindle.catalog.variants import fill

rows = rows_of("products", "combinations")


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought.

    ``options.id`` is a template of ``id_product``, ``id_combination`` and ``reference``; without it a product without
    combinations has the id ``{id_product}`` and a combination ``{id_product}-{id_combination}``.
    """
    with Records(prepared, report) as records, Spill() as combined:
        for _, record in records.of("combinations"):
            combined.put(_json.text(record.body.get("id_product")), {})
        for number, record in records.of("products", "combinations"):
            combination = record if record.kind == "combinations" else None
            key = _json.text(record.body.get("id_product")) if combination else record.id
            product = records.get("products", key)
            if product is None or (combination is None and combined.get(key) is not None):
                continue
            body = product.body
            if _json.text(body.get("active")) == "0" or _json.text(body.get("available_for_order")) == "0":
                value = _text(body.get("name"))
                report.not_for_sale(number, value)
                continue
            values = _values(product, combination, options, records)
            if found := product_from(values, options, report, number):
                yield Item(0, found, product.id)


def _values(product: Record, combination: Record | None, options: Options, records: Records) -> Values:
    body, own = product.body, (combination or product).body
    names: Values = {
        "id_product": product.id,
        "id_combination": combination.id if combination else "",
        "reference": _json.text(own.get("reference") or body.get("reference")),
    }
    url, kind = str(options.extra.get("url", "")).rstrip("/"), str(options.extra.get("image_type", "large_default"))
    template = "{id_product}-{id_combination}" if combination else "{id_product}"
    attribute = f"&id_product_attribute={combination.id}" if combination else ""
    pictures = [_json.text(one.get("id")) for one in objects_in(_inner(body, "associations").get("images"))]
    first = [_json.text(one.get("id")) for one in objects_in(_inner(own, "associations").get("images"))]
    cover = _json.text(body.get("id_default_image"))
    ordered = list(dict.fromkeys([*(first if combination else []), *([cover] if cover else []), *pictures]))
    rewrite = _text(body.get("link_rewrite")) or "image"
    images = [f"{url}/{picture}-{kind}/{rewrite}.jpg" for picture in ordered if picture not in ("", "0")]
    regular, to_pay = _json.text(own.get("with_tax")), _json.text(own.get("to_pay"))
    values: Values = {
        "id": fill(str(options.extra.get("id", template)), names),
        "group_id": product.id if combination else "",
        "title": _text(body.get("name")),
        "description": _text(body.get("description")) or _text(body.get("description_short")),
        "link": f"{url}/index.php?controller=product&id_product={product.id}{attribute}",
        "image_link": images[0] if images else "",
        "additional_image_links": images[1:],
        "price": regular or to_pay,
        "sale_price": to_pay if regular and to_pay and float(to_pay) < float(regular) else "",
        "currency": shop_fact(records, "currency"),
        "brand": _json.text(body.get("manufacturer_name") or ""),
        "gtin": _json.text(own.get("ean13") or body.get("ean13")),
        "mpn": _json.text(own.get("mpn") or body.get("mpn")),
        "condition": _json.text(body.get("condition")),
        "product_type": deepest(records, [body.get("id_category_default")]),
        "sku": names["reference"],
        **_stock(records, f"{product.id}-{combination.id if combination else 0}"),
    }
    for one in objects_in(_inner(own, "associations").get("product_option_values")) if combination else ():
        if (found := records.get("product_option_values", _json.text(one.get("id")))) is not None:
            option = records.get("product_options", _json.text(found.body.get("id_attribute_group")))
            label(values, _text(option.body.get("name")) if option else "", _text(found.body.get("name")))
    return values


def _stock(records: Records, key: str) -> Values:
    """Return quantity and availability; ``out_of_stock`` says whether orders are taken all the same (0, 1; 2: as the shop)."""
    record = records.get("stock", key)
    if record is None:
        return {}
    quantity, taken = _json.text(record.body.get("quantity")), _json.text(record.body.get("out_of_stock"))
    taken = shop_fact(records, "backorders") if taken == "2" else taken
    if taken == "1" and not float(quantity or 0) > 0:
        return {"quantity": quantity, "availability": "backorder"}
    return {"quantity": quantity}


def _text(value: Any) -> str:
    """Return a text: written out, or as the list of languages that some versions give."""
    if isinstance(value, list):
        return next((_json.text(one.get("value")) for one in objects_in(value)), "")
    return _json.text(value)


def _inner(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}
