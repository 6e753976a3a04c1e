"""IdoSell's Internet Offer Format 3.0, the full file: every size of a product is a variant."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import _xml
from rekindle.catalog import values as read
from rekindle.catalog._detect import root_of
from rekindle.catalog.account import Setting
from rekindle.catalog.products import first, product_from
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row, Values
from rekindle.catalog.variants import fill

TITLE = "IdoSell IOF 3.0 (XML)"
OPTIONS = (Setting("language", "the language of the texts, as the file names it, such as pol [default: the first]"),)


def sniff(prepared: Prepared) -> str | None:
    """Recognise ``<offer file_format="IOF">``."""
    if root_of(prepared.head) == "offer" and 'file_format="IOF"' in prepared.head:
        return "XML with the root <offer file_format=IOF>"
    return None


def rows(prepared: Prepared, options: Options, report: Report) -> Iterator[Row]:
    """Yield one row for each size, with its product's fields."""
    number = 0
    for product in _xml.elements(prepared, ("product",), report):
        shared = _product(product, options)
        sizes = product.findall("{*}sizes/{*}size")
        if not sizes:
            report.add(
                "no-variants",
                "a product has at least one size; the product was left out",
                severity="error",
                row=number + 1,
                id=first(shared["product_id"]),
            )
        for size in sizes:
            number += 1
            yield Row(number, shared | _size(size, shared))


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the sizes. ``options.id`` is a template of ``product_id size_id code code_producer``.

    Without it the id is ``code``, and where there is none ``product_id-size_id``.
    """
    template = str(options.extra.get("id", ""))
    for row in rows(prepared, options, report):
        values = row.values
        chosen = template or ("{code}" if values.get("code") else "{product_id}-{size_id}")
        given: Values = {name: value for name, value in values.items() if name not in _RAW}
        given |= {"id": fill(chosen, values), "group_id": values["product_id"], "mpn": values.get("code_producer", "")}
        if values.get("parameter.Kolor"):
            given["color"] = values["parameter.Kolor"]
        product = product_from(given, options, report, row.number)
        if product is not None:
            yield Item(row.number, product)


_RAW = frozenset({"product_id", "size_id", "code", "code_producer"})


def _product(product: _xml.Element, options: Options) -> Values:
    images = [str(image.get("url", "")) for image in product.iterfind("{*}images/{*}large/{*}image")]
    values: Values = {
        "product_id": str(product.get("id", "")),
        "currency": str(product.get("currency", "")),
        "brand": _attribute(product, "producer", "name"),
        "product_type": _attribute(product, "category", "name").replace("\\", " > ").replace("/", " > "),
        "link": _attribute(product, "card", "url"),
        "price": _attribute(product, "price", "gross"),
        "image_link": images[0] if images else "",
        "additional_image_links": images[1:],
    }
    language = options.extra.get("language")
    described = _xml.child(product, "description")
    if described is not None:
        values["title"] = _in_language(described, "name", language)
        long, short = _in_language(described, "long_desc", language), _in_language(described, "short_desc", language)
        values["description"] = long or short
    for parameter in product.iterfind("{*}parameters/{*}parameter"):
        texts = [str(value.get("name", "")) for value in parameter.iterfind("{*}value")]
        values[f"parameter.{parameter.get('name', '')}"] = "/".join(text for text in texts if text)
    return values


def _in_language(described: _xml.Element, name: str, language: object) -> str:
    found = described.findall(f"{{*}}{name}")
    wanted = [part for part in found if part.get("{http://www.w3.org/XML/1998/namespace}lang") == language]
    chosen = wanted or found
    return _xml.text_of(chosen[0]) if chosen else ""


def _size(size: _xml.Element, shared: Values) -> Values:
    stocks = [read.whole(str(stock.get("quantity", ""))) for stock in size.iterfind("{*}stock")]
    known = [amount for amount in stocks if amount is not None]
    values: Values = {
        "size_id": str(size.get("id", "")),
        "size": str(size.get("name", "")),
        "code": str(size.get("code", "")),
        "code_producer": str(size.get("code_producer", "")),
    }
    if any(amount < 0 for amount in known):
        values["availability"] = "in_stock"  # -1 is stock that is not counted
    elif known:
        values["quantity"] = str(sum(known))
    price = _attribute(size, "price", "gross")
    return values | {"price": price or shared["price"]}


def _attribute(element: _xml.Element, name: str, attribute: str) -> str:
    found = _xml.child(element, name)
    return "" if found is None else str(found.get(attribute, ""))
