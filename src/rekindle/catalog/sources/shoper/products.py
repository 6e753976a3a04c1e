"""Products of Shoper's records. A product with variants is sold as these; the others have a stock of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urljoin

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog._spill import Spill
from rekindle.catalog.account import Record
from rekindle.catalog.products import product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Values
from rekindle.catalog.sources._offer import label, objects_in, rows_of
from rekindle.catalog.variants import fill

_IMAGE: Final = "environment/cache/images/0_0_productGfx_{gfx_id}/{name}"


rows = rows_of("products", "product-stocks")


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought.

    ``options.id`` is a template of ``product_id``, ``stock_id`` and ``code``; without it a product without variants has
    the id ``{product_id}`` and a variant ``{product_id}-{stock_id}``.
    """
    language = str(options.extra.get("language", "pl_PL"))
    with Records(prepared, report) as records, Spill() as varied:
        for _, record in records.of("product-stocks"):
            varied.put(_json.text(record.body.get("product_id")), {})
        for number, record in records.of("products", "product-stocks"):
            variant = record if record.kind == "product-stocks" else None
            product = records.get("products", _json.text(record.body.get("product_id")))
            if product is None or (variant is None and varied.get(record.id) is not None):
                continue
            texts = _inner(_inner(product.body, "translations"), language)
            stock = variant.body if variant else _inner(product.body, "stock")
            if _json.text(texts.get("active")) in ("0", "false") or _json.text(stock.get("active")) in ("0", "false"):
                value = _json.text(texts.get("name"))
                report.not_for_sale(number, value)
                continue
            values = _values(product, stock, texts, options, records, variant=variant is not None)
            if found := product_from(values, options, report, number):
                yield Item(0, found, product.id)


def _values(
    product: Record, stock: dict[str, Any], texts: dict[str, Any], options: Options, records: Records, *, variant: bool
) -> Values:
    body, own = product.body, _inner(product.body, "stock")
    names: Values = {
        "product_id": product.id,
        "stock_id": _json.text(stock.get("stock_id")),
        "code": _json.text(stock.get("code") or body.get("code")),
    }
    template = "{product_id}-{stock_id}" if variant else "{product_id}"
    maker = records.get("producers", _json.text(body.get("producer_id")))
    category = records.get("categories", _json.text(body.get("category_id")))
    language = str(options.extra.get("language", "pl_PL"))
    kind = _inner(_inner(category.body, "translations"), language) if category else {}
    regular = _price(stock, own) if variant else _json.text(own.get("price"))
    values: Values = {
        "id": fill(str(options.extra.get("id", template)), names),
        "group_id": product.id if variant else "",
        "title": _json.text(texts.get("name")),
        "description": _json.text(texts.get("description") or texts.get("short_description")),
        "link": _json.text(texts.get("permalink")),
        "image_link": _image(_inner(body, "main_image"), options),
        "price": regular,
        **_sale(body, stock, regular),
        "currency": options.currency or "",
        "quantity": _json.text(stock.get("stock")).partition(".")[0],
        "brand": _json.text(maker.body.get("name")) if maker else "",
        "gtin": _json.text(stock.get("ean") or body.get("ean")),
        "product_type": _json.text(kind.get("name")),
        "sku": names["code"],
    }
    for chosen in objects_in(stock.get("options")) if variant else ():
        option = records.get("options", _json.text(chosen.get("option_id")))
        value = records.get("option-values", _json.text(chosen.get("value_id")))
        if option is not None and value is not None:
            told = _inner(_inner(value.body, "translations"), language)
            label(values, _inner(_inner(option.body, "translations"), language).get("name"), told.get("value"))
    return values


def _sale(body: dict[str, Any], stock: dict[str, Any], regular: str) -> Values:
    """Return a special offer: the variant's own, else the product's, which may be for some variants only.

    Its ``discount`` is an amount (special offers, ``discount_type``).
    """
    offer = _inner(stock, "special_offer")
    if not offer:
        offer = _inner(body, "special_offer")
        some = _json.text(offer.get("condition_type")) == "2"
        listed = offer.get("stocks")
        if some and _json.text(stock.get("stock_id")) not in [_json.text(one) for one in listed or ()]:
            return {}
    discount, full = float(_json.text(offer.get("discount")) or 0), float(regular or 0)
    if not 0 < discount < full:
        return {}
    return {
        "sale_price": f"{full - discount:.2f}",
        "sale_start": _json.text(offer.get("date_from")),
        "sale_end": _json.text(offer.get("date_to")),
    }


def _price(stock: dict[str, Any], product: dict[str, Any]) -> str:
    """Return a variant's price: the product's (0), its own (1), more (2) or less (3) than the product's."""
    base, own = float(_json.text(product.get("price")) or 0), float(_json.text(stock.get("price")) or 0)
    match _json.text(stock.get("price_type")):
        case "1":
            found = own
        case "2":
            found = base + own
        case "3":
            found = base - own
        case _:
            found = base
    return f"{found:.2f}"


def _image(image: dict[str, Any], options: Options) -> str:
    """Return a picture's address; ``options.image`` is a template of its ``gfx_id``, ``name``, ``unic_name`` and ``extension``."""
    parts: Values = {key: quote(_json.text(image.get(key))) for key in ("gfx_id", "name", "unic_name", "extension")}
    path = fill(str(options.extra.get("image", _IMAGE)), parts)
    return urljoin(f"{str(options.extra.get('url', '')).rstrip('/')}/", path) if path else ""


def _inner(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an inner object; PHP writes an empty one as a list."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}
