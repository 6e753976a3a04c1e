"""The result of a Shopify bulk operation: JSON Lines in which children name their parent in ``__parentId``.

The file is read twice: products and their images first, kept on disk, then the variants, because a child may stand
far from its parent, on either side (Shopify Admin API, bulk operations).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rekindle.catalog import _json
from rekindle.catalog._spill import Spill
from rekindle.catalog.products import listed
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values
from rekindle.catalog.sources import _shopify

TITLE = "Shopify bulk operation (JSON Lines)"
OPTIONS = ()

_PRODUCT: Final = {
    "handle": ("handle",),
    "url": ("onlineStoreUrl",),
    "title": ("title",),
    "body": ("descriptionHtml", "bodyHtml", "body_html", "description"),
    "vendor": ("vendor",),
    "type": ("productType", "product_type"),
    "status": ("status",),
    "image": ("featuredImage.url", "featuredMedia.preview.image.url"),
}
_VARIANT: Final = {
    "variant_title": ("title",),
    "sku": ("sku",),
    "barcode": ("barcode",),
    "price": ("price",),
    "compare_at_price": ("compareAtPrice", "compare_at_price"),
    "available": ("availableForSale",),
    "quantity": ("inventoryQuantity",),
    "policy": ("inventoryPolicy",),
    "image": ("image.url", "image.src"),
}


def sniff(prepared: Prepared) -> str | None:
    """Recognise JSON Lines with global ids of Shopify."""
    if prepared.head.lstrip().startswith("{") and "gid://shopify/" in prepared.head:
        return "JSON Lines with gid://shopify/ ids"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield one row for each variant, with its product's fields; ids are the numbers at the end of the global ids."""
    with Spill() as spill:
        silent = Report()  # broken lines are reported by the second reading
        for _, entry in _json.lines(prepared, silent):
            _keep(entry, spill)
        shop = spill.get("shop") or {}
        for number, entry in _json.lines(prepared, report):
            if _kind(entry) != "ProductVariant":
                continue
            parent = spill.get(str(entry.get("__parentId", "")))
            if parent is None:
                remedy = "its product is not in the file; run the bulk operation again"
                report.cut_short("parent-missing", remedy, row=number, value=entry.get("id", ""))
                continue
            yield Row(number, shop | _variant(entry, parent))


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the variants that are for sale. ``options.id`` is a template, ``{variant_id}`` unless told otherwise."""
    template = str(options.extra.get("id", "{variant_id}"))
    linked = False
    for row in rows(prepared, options, report):
        if not linked and not row.values.get("url"):
            _shopify.without_link(options, report)
            linked = True
        if not _shopify.unsold(row.values, report, row.number) and (
            item := _shopify.to_item(row, template, options, report)
        ):
            yield item


def _kind(entry: dict[str, Any]) -> str:
    parts = str(entry.get("id", "")).split("/")
    return parts[3] if len(parts) > 3 and parts[2] == "shopify" else ""


def _keep(entry: dict[str, Any], spill: Spill) -> None:
    kind = _kind(entry)
    if kind == "Product":
        identity = str(entry["id"])
        values = _named(entry, _PRODUCT) | {"product_id": identity.rpartition("/")[2]}
        tags = entry.get("tags")
        values["tags"] = ", ".join(map(str, tags)) if isinstance(tags, list) else _json.text(tags)
        if "publishedAt" in entry:
            values["published"] = "true" if entry["publishedAt"] else "false"
        early = spill.get(identity) or {}
        spill.put(identity, early | values)
    elif kind == "Shop":
        spill.put("shop", {"currency": _json.text(entry.get("currencyCode"))})
    elif kind in ("ProductImage", "MediaImage") and (parent := str(entry.get("__parentId", ""))):
        known: Values = spill.get(parent) or {}
        flat = _json.flat(entry)
        url = flat.get("url") or flat.get("src") or flat.get("image.url") or ""
        images = dict.fromkeys([*listed(known.get("images", [])), *listed(url)])
        spill.put(parent, known | {"images": list(images)})


def _variant(entry: dict[str, Any], parent: Values) -> Values:
    values = parent | {name: value for name, value in _named(entry, _VARIANT).items() if value}
    values["variant_id"] = str(entry["id"]).rpartition("/")[2]
    for option in entry.get("selectedOptions") or []:
        if isinstance(option, dict) and option.get("name"):
            values[f"option.{option['name']}"] = _json.text(option.get("value"))
    return values


def _named(entry: dict[str, Any], names: dict[str, tuple[str, ...]]) -> Values:
    flat = _json.flat(entry)
    found: Values = {}
    for name, keys in names.items():
        value = next((flat[key] for key in keys if flat.get(key)), "")
        found[name] = value
    return found
