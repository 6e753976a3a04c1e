"""Shopify's product export: one row for each variant or further image; ``Handle`` repeats, the rest does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rekindle.catalog import _table
from rekindle.catalog._detect import root_of
from rekindle.catalog.products import first
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values
from rekindle.catalog.sources import _shopify
from rekindle.catalog.variants import fill

TITLE = "Shopify product export (CSV)"
OPTIONS = ()

_COLUMNS: Final = {
    "Handle": "handle",
    "Title": "title",
    "Body (HTML)": "body",
    "Vendor": "vendor",
    "Type": "type",
    "Tags": "tags",
    "Published": "published",
    "Status": "status",
    "Variant SKU": "sku",
    "Variant Grams": "grams",
    "Variant Inventory Qty": "quantity",
    "Variant Inventory Policy": "policy",
    "Variant Price": "price",
    "Variant Compare At Price": "compare_at_price",
    "Variant Barcode": "barcode",
    "Variant Image": "image",
    "Google Shopping / Google Product Category": "google.google_product_category",
    "Google Shopping / Gender": "google.gender",
    "Google Shopping / Age Group": "google.age_group",
    "Google Shopping / MPN": "google.mpn",
    "Google Shopping / Condition": "google.condition",
} | {f"Google Shopping / Custom Label {n}": f"google.custom_label_{n}" for n in range(5)}

_OF_PRODUCT: Final = ("title", "body", "vendor", "type", "tags", "published", "status")


def sniff(prepared: Prepared) -> str | None:
    """Recognise the columns Handle and Variant Price."""
    if root_of(prepared.head) is None and {"Handle", "Variant Price"} <= set(_table.header(prepared.head)[1]):
        return "a table with Handle and Variant Price"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield the export's rows as they are."""
    return _table.rows(prepared, report)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the variants that are for sale.

    ``options.id`` is a template of ``sku``, ``handle``, ``barcode``; the export has no variant ids. Without it the id
    is the SKU, and where there is none the handle with the option values (reported).
    """
    _shopify.without_link(options, report)
    family: list[Row] = []
    for row in rows(prepared, options, report):
        if family and row.values.get("Handle") != family[0].values.get("Handle"):
            yield from _family(family, options, report)
            family = []
        family.append(row)
    if family:
        yield from _family(family, options, report)


def _family(family: list[Row], options: Options, report: Report) -> Iterator[Item]:
    head = _named(family[0])
    shared: Values = {name: head[name] for name in head if name in _OF_PRODUCT or name.startswith("google.")}
    if _shopify.unsold(shared, report, family[0].number):
        return
    images = [text for row in family if (text := first(row.values.get("Image Src", "")))]
    variants = [row for row in family if first(row.values.get("Variant Price", "")).strip()]
    if not variants:
        remedy = "give at least one row of the handle a Variant Price; the product was left out"
        handle = first(head.get("handle", ""))
        report.add("no-variants", remedy, severity="error", row=family[0].number, value=handle)
    for row in variants:
        values = shared | {name: value for name, value in _named(row).items() if value}
        values |= _options_of(row, family[0]) | {"images": images}
        template = str(options.extra.get("id", "")) or _template(values, report, row.number, alone=len(variants) == 1)
        item = _shopify.to_item(Row(row.number, values), template, options, report)
        if item:
            yield item


def _named(row: Row) -> Values:
    return {name: row.values[column] for column, name in _COLUMNS.items() if column in row.values}


def _options_of(row: Row, head: Row) -> Values:
    """Option names stand only in the first row of a handle."""
    found: Values = {}
    parts: list[str] = []
    for place in (1, 2, 3):
        name = first(row.values.get(f"Option{place} Name", "")) or first(head.values.get(f"Option{place} Name", ""))
        value = first(row.values.get(f"Option{place} Value", ""))
        if name and value:
            found[f"option.{name}"] = value
            parts.append(value)
    return found | {"variant_title": " / ".join(parts)}


def _template(values: Values, report: Report, row: int, *, alone: bool) -> str:
    if values.get("sku"):
        return "{sku}"
    template = "{handle}" if alone else "{handle}/{variant_title}"
    remedy = "fill Variant SKU, or set options.id; the handle was taken, look whether the page sends it as item_id"
    report.add("id-made-up", remedy, row=row, value=fill(template, values))
    return template
