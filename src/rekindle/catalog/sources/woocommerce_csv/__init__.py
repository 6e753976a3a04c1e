"""WooCommerce's own product export; its header is written in the shop's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rekindle.catalog import _table
from rekindle.catalog import values as read
from rekindle.catalog._detect import root_of
from rekindle.catalog._spill import Spill
from rekindle.catalog.products import first, product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values
from rekindle.catalog.sources.woocommerce_csv.headers import english
from rekindle.catalog.variants import COLOR, SIZE, fill

TITLE = "WooCommerce product export (CSV)"
OPTIONS = ()

_INHERITED: Final = ("Name", "Description", "Short description", "Categories", "Images", "Brands", "Published")
_SOLD: Final = frozenset({"simple", "variation", "external", "subscription", "subscription_variation"})


def sniff(prepared: Prepared) -> str | None:
    """Recognise the export's ID, type and regular price, in any language known here."""
    if root_of(prepared.head) is not None:
        return None
    names = {english(name) for name in _table.header(prepared.head)[1]}
    if {"ID", "Type", "Name", "Regular price"} <= names:
        return "a table with ID, Type, Name and Regular price (WooCommerce)"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield the export's rows with English column names."""
    for row in _table.rows(prepared, report):
        yield Row(row.number, {english(name): value for name, value in row.values.items()})


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought. ``options.id`` is a template of ``ID`` and ``SKU``, ``{ID}`` unless told otherwise.

    A variable product has no price of its own: it lends its texts and images to its variations.
    """
    if not options.link_base:
        report.add("no-link", "set link_base of the source to the shop's address; the export has no links")
    template = str(options.extra.get("id", "{ID}"))
    with Spill() as parents:
        for row in rows(prepared, options, Report()):
            if row.values.get("Type") in ("variable", "variable-subscription"):
                parents.put(f"id:{first(row.values.get('ID', ''))}", row.values)
                parents.put(first(row.values.get("SKU", "")) or f"id:{first(row.values.get('ID', ''))}", row.values)
        for row in rows(prepared, options, report):
            kinds = {kind.strip() for kind in first(row.values.get("Type", "simple")).split(",")}
            if not kinds & _SOLD:
                continue
            values = row.values
            if parent := parents.get(first(values.get("Parent", "")) or "-"):
                lent = {name: parent[name] for name in _INHERITED if parent.get(name) and not values.get(name)}
                values = values | lent | {"group": parent.get("ID", "")}
            if read.truth(first(values.get("Published", "1"))) is False:
                text = first(row.values.get("Published", ""))
                report.not_for_sale(row.number, text)
                continue
            product = product_from(_values(values, template, options), options, report, row.number)
            if product is not None:
                yield Item(row.number, product)


def _values(given: Values, template: str, options: Options) -> Values:
    images = [part for part in re.split(r"\s*,\s*(?=https?://)", first(given.get("Images", "")).strip()) if part]
    regular, sale = given.get("Regular price", ""), given.get("Sale price", "")
    values: Values = {
        "id": fill(template, given),
        "group_id": given.get("group", ""),
        "title": given.get("Name", ""),
        "description": given.get("Description") or given.get("Short description", ""),
        "price": regular,
        "sale_price": sale,
        "sale_start": given.get("Date sale price starts", ""),
        "sale_end": given.get("Date sale price ends", ""),
        "availability": _stock(first(given.get("In stock?", ""))),
        "quantity": given.get("Stock", ""),
        "product_type": _categories(first(given.get("Categories", ""))),
        "brand": given.get("Brands", ""),
        "gtin": given.get("GTIN, UPC, EAN, or ISBN", ""),
        "image_link": images[0] if images else "",
        "additional_image_links": images[1:],
        "sku": given.get("SKU", ""),
    }
    if options.link_base:
        values["link"] = f"{options.link_base.rstrip('/')}/?p={first(given.get('ID', ''))}"
    for name, value in given.items():
        if found := re.fullmatch(r"Attribute (\d+) value\(s\)", name):
            label = first(given.get(f"Attribute {found[1]} name", "")).strip()
            word = label.lower()
            if label and value:
                values.setdefault("color" if word in COLOR else "size" if word in SIZE else label, value)
    return values


def _stock(text: str) -> str:
    return {"1": "in_stock", "0": "out_of_stock", "backorder": "backorder"}.get(text.strip().lower(), text)


def _categories(text: str) -> str:
    """Return the deepest of ``A > B, C``."""
    return max(text.split(","), key=lambda path: path.count(">"), default="").strip()
