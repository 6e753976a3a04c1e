"""Products of Magento's records: a configurable product lends texts, images and page to the simple ones it links."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog._spill import Spill
from rekindle.catalog.account import Record
from rekindle.catalog.products import first, product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Values
from rekindle.catalog.sources._offer import deepest, label, objects_in, rows_of, shop_fact
from rekindle.catalog.sources.magento.account import links_of
from rekindle.catalog.variants import fill

_SOLD: Final = frozenset({"simple", "virtual", "downloadable", "giftcard"})
_HIDDEN: Final = "1"


rows = rows_of("product")


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what can be bought. ``options.id`` is a template of ``sku``, ``id`` and ``parent_id``, ``{sku}`` at first."""
    template = str(options.extra.get("id", "{sku}"))
    with Records(prepared, report) as records, Spill() as parents:
        for _, record in records.of("product"):
            for child in links_of(record.body):
                parents.put(child, {"id": record.id})
        for number, record in records.of("product"):
            body = record.body
            if body.get("type_id", "simple") not in _SOLD:
                continue
            known = parents.get(record.id)
            parent = records.get("product", first(known["id"])) if known else None
            hidden = _json.text(body.get("visibility")) == _HIDDEN and parent is None
            if (
                hidden
                or _json.text(body.get("status")) == "2"
                or (parent and _json.text(parent.body.get("status")) == "2")
            ):
                value = _json.text(body.get("sku"))
                report.not_for_sale(number, value)
                continue
            values = _values(record, parent, template, options, records)
            if product := product_from(values, options, report, number):
                yield Item(0, product, parent.id if parent else record.id)


def _values(record: Record, parent: Record | None, template: str, options: Options, records: Records) -> Values:
    body, shown = record.body, (parent or record).body
    own, lent = _custom(body), _custom(shown)
    names: Values = {"id": record.id, "sku": _json.text(body.get("sku")), "parent_id": parent.id if parent else ""}
    images = _images(body, records) or _images(shown, records)
    suffix = str(options.extra.get("url_suffix", ".html"))
    path = _json.text(lent.get("url_key"))
    values: Values = {
        "id": fill(template, names),
        "group_id": _json.text(parent.body.get("sku")) if parent else "",
        "title": _json.text(shown.get("name")),
        "description": _json.text(own.get("description") or lent.get("description") or lent.get("short_description")),
        "link": urljoin(shop_fact(records, "link"), f"{path}{suffix}") if path else "",
        "image_link": images[0] if images else "",
        "additional_image_links": images[1:],
        "price": _json.text(body.get("price")),
        "sale_price": _json.text(own.get("special_price")),
        **_sale(own, shop_fact(records, "timezone")),
        "currency": shop_fact(records, "currency"),
        "gtin": _json.text(own.get("gtin") or own.get("ean") or own.get("barcode")),
        "product_type": deepest(records, lent.get("category_ids") or ()),
        "sku": names["sku"],
        **_stock(body, records),
    }
    for _, labels in records.of("labels"):
        value = _json.text(own.get(labels.id) or lent.get(labels.id))
        text = _json.text(labels.body.get(value)).strip()
        label(values, "brand" if labels.id == "manufacturer" else labels.id, text)
    return values


def _stock(body: dict[str, Any], records: Records) -> Values:
    sources = [one.body for one in records.below("stock", _json.text(body.get("sku")))]
    if not sources:
        more = body.get("extension_attributes")
        found = more.get("stock_item") if isinstance(more, dict) else None
        sources = (
            [{"quantity": found.get("qty"), "status": found.get("is_in_stock")}] if isinstance(found, dict) else []
        )
    if not sources:
        return {}
    open_ = [one for one in sources if _json.text(one.get("status")) in ("1", "true")]
    number = sum(float(_json.text(one.get("quantity")) or 0) for one in open_)
    return {"quantity": str(int(number)), "availability": "in_stock" if number > 0 else "out_of_stock"}


def _custom(body: dict[str, Any]) -> dict[str, Any]:
    return {
        _json.text(one.get("attribute_code")): one.get("value") for one in objects_in(body.get("custom_attributes"))
    }


def _images(body: dict[str, Any], records: Records) -> list[str]:
    media = shop_fact(records, "media").rstrip("/")
    entries = [one for one in objects_in(body.get("media_gallery_entries")) if one.get("disabled") is not True]
    entries.sort(key=lambda one: "image" not in (one.get("types") or ()))
    return [f"{media}/catalog/product/{_json.text(one.get('file')).lstrip('/')}" for one in entries if one.get("file")]


def _sale(own: dict[str, Any], timezone: str) -> Values:
    """Return when a special price begins and ends: days in the store's time zone, the last one is part of it.

    Magento compares so itself (`Timezone::isScopeDateInInterval`).
    """
    if not own.get("special_price"):
        return {}
    try:
        zone = ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return {
        "sale_start": _moment(own.get("special_from_date"), zone, 0),
        "sale_end": _moment(own.get("special_to_date"), zone, 1),
    }


def _moment(value: Any, zone: ZoneInfo, days: int) -> str:
    text = _json.text(value)
    try:
        found = datetime.fromisoformat(text.replace(" ", "T"))
    except ValueError:
        return text  # whoever reads it says what is wrong with it
    return (found.replace(tzinfo=zone) + timedelta(days=days)).isoformat()
