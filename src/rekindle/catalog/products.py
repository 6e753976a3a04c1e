"""Make a product of named attributes: the names of Google's and Meta's product data, as every generic source uses."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urljoin

from rekindle.catalog import values as read
from rekindle.catalog.report import Report
from rekindle.catalog.row import Options, Values
from rekindle.model.issue import Issue, Severity, shorten
from rekindle.model.product import Product

ALIASES: Final = {
    "item_group_id": "group_id",
    "colour": "color",
    "additional_image_link": "additional_image_links",
    "additional_image_url": "additional_image_links",
    "google_product_category": "google_category",
    "quantity_to_sell_on_facebook": "quantity",
    "inventory": "quantity",
    "sell_on_google_quantity": "quantity",
    "ean": "gtin",
    "upc": "gtin",
    "url": "link",
    "name": "title",
}
"""Attribute names of channels → fields of `Product`; any other known field has its own name."""

TEXTS = (
    "title",
    "group_id",
    "description",
    "brand",
    "mpn",
    "condition",
    "google_category",
    "product_type",
    "color",
    "size",
    "material",
    "pattern",
    "gender",
    "age_group",
    "shipping_weight",
)
LINKS = ("link", "mobile_link", "image_link")
_HANDLED = frozenset(
    (
        *TEXTS,
        *LINKS,
        "id",
        "additional_image_links",
        "price",
        "sale_price",
        "sale_price_effective_date",
        "sale_start",
        "sale_end",
        "currency",
        "availability",
        "quantity",
        "gtin",
        "custom_labels",
    )
)
LABEL = re.compile(r"custom_label_([0-4])")

PRICE_REMEDY = "write a number and the currency's three letters, e.g. 49.00 EUR"


def product_from(given: Values, options: Options, report: Report, row: int) -> Product | None:
    """Return the product that the attributes describe, or None (reported) when it has no id.

    Repaired or assumed values are notes, unusable ones warnings and left empty; the id is taken as it is, without
    surrounding white space. Attributes without a field of their own are kept in ``attributes``.
    """
    values = {ALIASES.get(name, name): value for name, value in given.items() if value not in ("", [])}
    identity = first(values.get("id", ""))
    trimmed = identity.strip(" \t\r\n")
    if not trimmed:
        report.add("no-id", "give every item an id; it must be the page's item_id", severity="error", row=row)
        return None
    if trimmed != identity:
        report.add("id-trimmed", "remove the white space around the id", severity="note", row=row, id=trimmed)
    reader = _Reader(values, options, report, row, trimmed)
    fields: dict[str, Any] = {name: reader.text(name) for name in TEXTS if name in values}
    fields |= {name: reader.link(name) for name in LINKS if name in values}
    fields |= reader.money() | reader.stock()
    if images := values.get("additional_image_links"):
        parts = [part for text in listed(images) for part in _split_links(text)]
        fields["additional_image_links"] = [reader.absolute(part) for part in parts]
    if "gtin" in values:
        fields["gtin"] = reader.gtin()
    fields["custom_labels"] = _labels(values)
    kept = {k: reader.repaired(k, joined(v)) for k, v in values.items() if k not in _HANDLED and not LABEL.match(k)}
    fields["attributes"] = {k: v for k, v in kept.items() if v}
    fields["title"] = fields.get("title") or ""
    if not fields["title"]:
        report.add("no-title", "give the item a title", row=row, id=trimmed, attribute="title")
    return Product(id=trimmed, **fields)


class _Reader:
    def __init__(self, values: Values, options: Options, report: Report, row: int, identity: str) -> None:
        self._values, self._options, self._report, self._row, self._id = values, options, report, row, identity

    def _say(self, code: str, remedy: str, attribute: str, value: str, *, note: bool = False) -> None:
        severity: Severity = "note" if note else "warning"
        self._report.take(Issue(self._row, self._id, attribute, code, severity, shorten(value), remedy))

    def repaired(self, name: str, text: str) -> str:
        if (without := read.without_php(text)) is not None:
            remedy = "the shop's software printed an error into the text; it was left out. Switch display_errors off"
            self._say("php-output", remedy, name, text)
            text = without
        fixed = read.undouble(text)
        if fixed is None:
            return text
        self._say("double-encoded", "write the text as UTF-8 once; it was repaired", name, text, note=True)
        return fixed

    def text(self, name: str) -> str | None:
        value = self._values[name]
        text = " > ".join(value) if name == "product_type" and isinstance(value, list) else first(value)
        return self.repaired(name, text.strip()) or None

    def link(self, name: str) -> str | None:
        return self.absolute(first(self._values[name]).strip()) or None

    def absolute(self, link: str) -> str:
        if link and not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", link):
            if self._options.link_base:
                return urljoin(self._options.link_base, link)
            self._say("relative-link", "write whole addresses, or set link_base of the source", "link", link)
        return link

    def gtin(self) -> str | None:
        text = first(self._values["gtin"])
        number = read.article_number(text)
        if number is None:
            self._say("gtin-destroyed", "export the column as text; a spreadsheet rounded it", "gtin", text)
        return number or None

    def money(self) -> dict[str, Any]:
        known = first(self._values.get("currency", "")).strip().upper() or None
        regular = self._amount("price", known)
        sale = self._amount("sale_price", known)
        currency = (regular and regular.currency) or known or (sale and sale.currency)
        if currency is None and regular is not None:
            currency = self._options.currency
            if currency is None:
                self._say("no-currency", "write the currency in the price or in the source", "price", "")
            else:
                note = f"the source's {currency} was taken; write the currency beside the price"
                self._say("currency-assumed", note, "price", first(self._values.get("price", "")), note=True)
        if sale and sale.currency and currency and sale.currency != currency:
            self._say("currency-mismatch", f"write it in {currency}, as the price", "sale_price", sale.currency)
            sale = None
        if regular is None and "price" not in self._values:
            self._say("no-price", PRICE_REMEDY, "price", "")
        if sale and regular and sale.amount >= regular.amount:
            self._say("sale-not-lower", "a sale price must be below the price", "sale_price", str(sale.amount))
        start, end = self._sale_period()
        return {
            "price": regular.amount if regular else None,
            "sale_price": sale.amount if sale else None,
            "sale_start_ms": start,
            "sale_end_ms": end,
            "currency": currency if regular else None,
        }

    def _amount(self, name: str, known: str | None) -> read.Price | None:
        text = first(self._values.get(name, "")).strip()
        if not text:
            return None
        try:
            found = read.price(text, known or self._options.currency)
        except ValueError:
            self._say("price-unreadable", PRICE_REMEDY, name, text)
            return None
        if found.amount < 0 or (found.amount == 0 and name == "price"):
            self._say("price-not-positive", "a price must be above zero", name, text)
            return None
        if found.note:
            remedy = f"write the decimal mark as a point; read as {found.amount}"
            self._say(found.note, remedy, name, text, note=not found.note.startswith("ambiguous"))
        return found

    def _sale_period(self) -> tuple[int | None, int | None]:
        remedy = "write start/end in ISO 8601 with an offset, e.g. 2026-09-01T00:00Z/2026-09-08T00:00Z"
        name = "sale_price_effective_date"
        text = first(self._values.get(name, "")).strip()
        start: int | None = None
        end: int | None = None
        try:
            if text:
                start, end, assumed = read.period(text)
                if assumed:
                    self._say("offset-assumed", "write the offset of the time; UTC was taken", name, text, note=True)
                return start, end
            if text := first(self._values.get("sale_start", "")).strip():
                start = read.moment(text)[0]
            if text := first(self._values.get("sale_end", "")).strip():
                end = read.moment(text)[0]
        except (ValueError, OverflowError):
            self._say("sale-period-unreadable", remedy, name, text)
        return start, end

    def stock(self) -> dict[str, Any]:
        quantity: int | None = None
        if text := first(self._values.get("quantity", "")).strip():
            quantity = read.whole(text)
            if quantity is None:
                self._say("quantity-unreadable", "write a whole number", "quantity", text)
        word = first(self._values.get("availability", "")).strip()
        known = read.availability(word) if word else None
        if word and known is None:
            remedy = "write in_stock, out_of_stock, preorder or backorder"
            self._say("availability-unknown", remedy, "availability", word)
        if not word and quantity is not None:
            known = "in_stock" if quantity > 0 else "out_of_stock"
        return {"quantity": quantity, "availability": known}


def first(value: str | list[str]) -> str:
    """Return the value, or the first of several."""
    return value if isinstance(value, str) else (value[0] if value else "")


def listed(value: str | list[str]) -> list[str]:
    """Return the values as a list."""
    return [value] if isinstance(value, str) else value


def joined(value: str | list[str]) -> str:
    """Return one text; several values are separated by a comma and a space."""
    return value if isinstance(value, str) else ", ".join(value)


def _split_links(text: str) -> list[str]:
    """Split a cell of links at commas, bars or white space that stand before a new address."""
    return [part for part in re.split(r"\s*[,|;]\s*(?=https?://|//|/)|\s+(?=https?://)", text.strip()) if part]


def _labels(values: Values) -> list[str]:
    if "custom_labels" in values:
        return [text.strip() for text in listed(values["custom_labels"])]
    labels = [first(values.get(f"custom_label_{n}", "")).strip() for n in range(5)]
    while labels and not labels[-1]:
        labels.pop()
    return labels
