"""A Ceneo offer file, in Poland often the only export a shop has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rekindle.catalog import _xml
from rekindle.catalog._detect import root_of
from rekindle.catalog.products import first, product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values

TITLE = "Ceneo offers (XML)"
OPTIONS = ()

_AVAIL: Final = {
    "1": "in_stock",
    "3": "in_stock",
    "7": "in_stock",
    "14": "in_stock",
    "90": "backorder",
    "110": "preorder",
}
"""Days until dispatch; 90 is made to order, 110 presale, 99 "look in the shop" and so unknown."""

_ATTRIBUTES: Final = {
    "producent": "brand",
    "ean": "gtin",
    "isbn": "gtin",
    "kod_producenta": "mpn",
    "kolor": "color",
    "rozmiar": "size",
    "materiał": "material",
    "wzór": "pattern",
    "productsetid": "group_id",
}


def sniff(prepared: Prepared) -> str | None:
    """Recognise ``<offers>`` with ``<o>`` inside."""
    if root_of(prepared.head) == "offers" and "<o " in prepared.head:
        return "XML with the root <offers> and <o> in it"
    return None


def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
    """Yield one row for each ``<o>``: its attributes, ``cat name desc imgs`` and ``attr.<name>``."""
    for number, offer in enumerate(_xml.elements(prepared, ("o",), report), 1):
        values: Values = {str(name): str(value) for name, value in offer.attrib.items()}
        for name in ("cat", "name", "desc"):
            values[name] = _xml.text_of(_xml.child(offer, name))
        images = _xml.child(offer, "imgs")
        if images is not None:
            ordered = sorted(images, key=lambda image: _xml.local(image) != "main")
            values["imgs"] = [str(image.get("url", "")) for image in ordered]
        for attribute in offer.iterfind("{*}attrs/{*}a"):
            values[f"attr.{attribute.get('name', '')}"] = _xml.text_of(attribute)
        parent = offer.getparent()
        if parent is not None and _xml.local(parent) == "group":
            values["group"] = str(parent.get("name", ""))
        yield Row(number, values)


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the offers. Prices are gross PLN, the channel's only currency."""
    for row in rows(prepared, options, report):
        product = product_from(_values(row, report), options, report, row.number)
        if product is not None:
            yield Item(row.number, product)


def _values(row: Row, report: Report) -> Values:
    given = row.values
    images = given.get("imgs", [])
    values: Values = {
        "id": given.get("id", ""),
        "title": given.get("name", ""),
        "description": given.get("desc", ""),
        "link": given.get("url", ""),
        "price": given.get("price", ""),
        "currency": "PLN",
        "quantity": given.get("stock", ""),
        "product_type": first(given.get("cat", "")).replace("/", " > ").replace("  ", " "),
        "image_link": first(images),
        "additional_image_links": list(images[1:]),
    }
    avail = first(given.get("avail", "")).strip()
    if avail in _AVAIL:
        values["availability"] = _AVAIL[avail]
    elif avail and avail != "99":
        identity = first(given.get("id", ""))
        remedy = "avail is one of 1, 3, 7, 14, 90, 99, 110"
        report.add("availability-unknown", remedy, row=row.number, id=identity, attribute="avail", value=avail)
    for name, value in given.items():
        if name.startswith("attr."):
            label = name.removeprefix("attr.")
            values.setdefault(_ATTRIBUTES.get(label.strip().lower().replace(" ", "_"), label), value)
    if weight := first(given.get("weight", "")).strip():
        values["shipping_weight"] = f"{weight} kg"
    return values
