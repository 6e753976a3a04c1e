"""Products of Akeneo's records: one channel and locale of each value, then by mapping or usual names as any table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urljoin

import msgspec

from rekindle.catalog import _generic, _json
from rekindle.catalog._records import Records
from rekindle.catalog.account import Record
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values
from rekindle.catalog.sources._offer import deepest, objects_in, shop_fact
from rekindle.catalog.variants import fill

_IMAGES: Final = ("image_link", "additional_image_links")


def rows(prepared: Prepared, options: Options, report: Report) -> Iterator[Row]:
    """Yield each product's attributes by code, of one channel and locale, options and categories by label."""
    with Records(prepared, report) as records:
        for number, record in records.of("product"):
            yield Row(number, _values(record, records, options))


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield what is enabled and complete, as ``columns`` maps it.

    ``options.id`` is a template of ``identifier``, ``uuid`` and attributes, ``{identifier}`` at first. A product's values
    begin with its models'. Values of media files are codes; ``options.media_base`` makes addresses of them.
    """
    with Records(prepared, report) as records:
        origin = ""

        def sold() -> Iterator[Row]:
            nonlocal origin
            for number, record in records.of("product"):
                if reason := _unfit(record.body, records, options):
                    report.not_for_sale(number, reason)
                    continue
                values = _values(record, records, options)
                group = values.get("group_id")
                origin = f"model:{group}" if group else record.id
                # A product has no value where nobody wrote one, so a column that is missing here is no mistake.
                yield Row(number, {**dict.fromkeys(options.columns.values(), ""), **values})

        for item in _generic.items(sold(), options, report):
            product = item.product
            if base := str(options.extra.get("media_base", "")):
                more = [urljoin(base, one) for one in product.additional_image_links]
                first = urljoin(base, product.image_link) if product.image_link else None
                product = msgspec.structs.replace(product, image_link=first, additional_image_links=more)
            yield Item(0, product, origin)


def _unfit(body: Mapping[str, Any], records: Records, options: Options) -> str:
    """Return why a product is not sold on the channel, or nothing."""
    if body.get("enabled") is False:
        return "disabled"
    if options.extra.get("incomplete") is True:
        return ""
    wanted = (shop_fact(records, "channel"), shop_fact(records, "locale"))
    for one in objects_in(body.get("completenesses")):
        if (one.get("scope"), one.get("locale")) == wanted and float(_json.text(one.get("data")) or 0) < 100:
            return f"complete to {_json.text(one.get('data'))} %"
    return ""


def _values(record: Record, records: Records, options: Options) -> Values:
    body = record.body
    family = _family(body, records)
    found: dict[str, Any] = {}
    for one in (*reversed(family), record):
        found |= one.body.get("values") or {}
    channel, locale = shop_fact(records, "channel"), shop_fact(records, "locale")
    currency = shop_fact(records, "currency")
    own: Values = {}
    for code, entries in found.items():
        for entry in objects_in(entries):
            if entry.get("scope") in (None, channel) and entry.get("locale") in (None, locale):
                if value := _text(entry, locale, currency):
                    own[code] = value
                break
    identifier = _json.text(body.get("identifier")) or own.get(str(options.extra.get("identifier", "sku")), "")
    names: Values = {**own, "uuid": _json.text(body.get("uuid")), "identifier": identifier}
    categories = body.get("categories") or [code for one in family for code in one.body.get("categories") or ()]
    fixed: Values = {
        "id": fill(str(options.extra.get("id", "{identifier}")), names),
        "group_id": family[-1].id if family else "",
        "product_type": deepest(records, categories),
        "family": _json.text(body.get("family")),
    }
    if link := options.extra.get("link"):
        fixed["link"] = fill(str(link), names)
    return own | fixed


def _family(body: Mapping[str, Any], records: Records) -> list[Record]:
    """Return a variant's models, the nearest first; there are two at most."""
    family: list[Record] = []
    code = body.get("parent")
    while code and len(family) < 5 and (model := records.get("model", _json.text(code))) is not None:
        family.append(model)
        code = model.body.get("parent")
    return family


def _text(entry: Mapping[str, Any], locale: str, currency: str) -> str | list[str]:
    """Return a value as text (product values, "The data format" and "The linked_data format")."""
    data, linked = entry.get("data"), entry.get("linked_data")
    linked = linked if isinstance(linked, dict) else {}
    if isinstance(data, dict):  # a measurement; a table or a link to another product is no text
        return f"{_json.text(data['amount'])} {_json.text(data.get('unit'))}".strip() if "amount" in data else ""
    if not isinstance(data, list):
        return _label(linked, locale) or _json.text(data)
    prices = [one for one in objects_in(data) if "amount" in one]
    if prices:
        mine = next((one for one in prices if one.get("currency") == currency and one.get("amount") is not None), None)
        return f"{_json.text(mine['amount'])} {currency}" if mine else ""
    parts: list[str] = []
    for one in data:
        if isinstance(one, dict):
            continue
        more = linked.get(_json.text(one))
        more = more if isinstance(more, dict) else {}
        shared = [_href(link) for link in objects_in(more.get("share_links"))]
        parts += [link for link in shared[:1] if link] or [_label(more, locale) or _json.text(one)]
    return parts


def _label(linked: Mapping[str, Any], locale: str) -> str:
    labels = linked.get("labels")
    return _json.text(labels.get(locale)) if isinstance(labels, dict) else ""


def _href(link: Mapping[str, Any]) -> str:
    own = (link.get("_links") or {}).get("self") or {}
    return _json.text(own.get("href"))
