"""Magento 2's product export, and tables of its import: one row for each SKU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rekindle.catalog import _table
from rekindle.catalog import values as read
from rekindle.catalog._detect import root_of
from rekindle.catalog._spill import Spill
from rekindle.catalog.account import Setting
from rekindle.catalog.products import first, product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values

TITLE = "Magento 2 products (CSV)"
OPTIONS = (Setting("url_suffix", "the end of product addresses [default: .html]"),)

_NAMES: Final = {
    "sku": "id",
    "name": "title",
    "description": "description",
    "price": "price",
    "special_price": "sale_price",
    "special_price_from_date": "sale_start",
    "special_price_to_date": "sale_end",
    "qty": "quantity",
    "manufacturer": "brand",
    "brand": "brand",
    "color": "color",
    "size": "size",
    "material": "material",
    "pattern": "pattern",
    "gender": "gender",
    "gtin": "gtin",
    "ean": "gtin",
}
_PARENTS: Final = frozenset({"configurable", "grouped", "bundle"})
_SPENT: Final = frozenset(
    {
        "category",
        "categories",
        "base_image",
        "additional_images",
        "image",
        "small_image",
        "url_key",
        "configurable_variations",
        "configurable_variation_labels",
        "additional_attributes",
    }
)


def sniff(prepared: Prepared) -> str | None:
    """Recognise sku with an attribute set."""
    if root_of(prepared.head) is not None:
        return None
    names = {name.lower() for name in _table.header(prepared.head)[1]}
    if {"sku", "name", "price"} <= names and names & {"attribute_set", "attribute_set_code"}:
        return "a table with sku, name, price and an attribute set (Magento)"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield the rows as they are; ``additional_attributes`` (``k=v,k=v``) also as columns of their own."""
    for row in _table.rows(prepared, report):
        extra: Values = dict(_pairs(first(row.values.get("additional_attributes", ""))))
        yield Row(row.number, extra | row.values)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought; the id is the SKU.

    A configurable product lends its address, texts and images to the SKUs named in ``configurable_variations``.
    ``options.link_base`` makes addresses of ``url_key`` and of images (``/media/catalog/product``).
    """
    if not options.link_base:
        report.add("no-link", "set link_base of the source to the shop's address; the export has no links")
    with Spill() as parents:
        for row in rows(prepared, options, Report()):
            for child in re.findall(r"sku=([^,|]+)", first(row.values.get("configurable_variations", ""))):
                parents.put(child.strip(), row.values)
        for row in rows(prepared, options, report):
            if first(row.values.get("product_type", "")).strip().lower() in _PARENTS:
                continue
            online = first(row.values.get("product_online", "1"))
            if read.truth(online) is False or online.strip() == "2":
                report.not_for_sale(row.number, online)
                continue
            parent = parents.get(first(row.values.get("sku", "")).strip())
            product = product_from(_values(row.values, parent or {}, options), options, report, row.number)
            if product is not None:
                yield Item(row.number, product)


def _values(given: Values, parent: Values, options: Options) -> Values:
    values: Values = {}
    for name, value in given.items():
        target = _NAMES.get(name)
        if target is not None:
            values[target] = value if name in ("sku", "description") else _one_line(value)
        elif name not in _SPENT:
            values[name] = _one_line(value)
    if parent:
        values["group_id"] = parent.get("sku", "")
        for name in ("title", "description"):
            source = "name" if name == "title" else name
            values[name] = values.get(name) or parent.get(source, "")
    values["product_type"] = _category(first(given.get("categories") or given.get("category", "")))
    stock = read.truth(first(given.get("is_in_stock", "")))
    if stock is not None:
        values["availability"] = "in_stock" if stock else "out_of_stock"
    base = (options.link_base or "").rstrip("/")
    if base and (key := first(parent.get("url_key", "")) or first(given.get("url_key", ""))):
        values["link"] = f"{base}/{key}{options.extra.get('url_suffix', '.html')}"
    images = [first(given.get("base_image", "")) or first(parent.get("base_image", ""))]
    images += first(given.get("additional_images", "")).split(",")
    found = [_image(image.strip(), base) for image in images if image.strip() and image.strip() != "no_selection"]
    values["image_link"] = found[0] if found else ""
    values["additional_image_links"] = [image for image in dict.fromkeys(found) if image != found[0]]
    return values


def _one_line(value: str | list[str]) -> str:
    """Return a cell of several lines, one choice each, as a list in words."""
    return re.sub(r"\s*\n\s*", ", ", first(value).strip())


def _image(image: str, base: str) -> str:
    if image.startswith(("http://", "https://")) or not base:
        return image
    return f"{base}/media/catalog/product/{image.lstrip('/')}"


def _category(text: str) -> str:
    """Return the deepest path of ``Default Category/Gear,Default Category/Gear/Bags`` or of lines from root to leaf."""
    if "\n" in text:
        return " > ".join(part.strip() for part in text.splitlines() if part.strip())
    path = max(text.split(","), key=lambda part: part.count("/"), default="")
    return " > ".join(part for part in path.strip().split("/") if part and part != "Default Category")


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Read ``color=Blue,features=A|B, C,size=XS``: a comma separates only where a name and ``=`` follow."""
    for part in re.split(r",(?=[a-z][a-z0-9_]*=)", text):
        name, equals, value = part.partition("=")
        if equals:
            yield name, value.replace("|", ", ")
