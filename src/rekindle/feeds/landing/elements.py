"""Microdata and RDFa Lite: attributes of a page's elements as things; and what OpenGraph says of a product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from lxml.etree import _Element, iterwalk

from rekindle.feeds.landing.things import DEPTH, LONGEST, Purse, Thing, bare

_ADDRESSES = {
    "a": "href", "link": "href", "area": "href", "img": "src", "audio": "src", "video": "src", "source": "src",
    "iframe": "src", "embed": "src", "object": "data",
}  # fmt: skip
_UNSEEN = {"script", "style", "template", "noscript"}
_OPENGRAPH = {
    "product:price:amount": "price", "og:price:amount": "price", "product:sale_price:amount": "sale",
    "product:price:currency": "priceCurrency", "og:price:currency": "priceCurrency",
    "product:sale_price:currency": "saleCurrency",
    "product:availability": "availability", "og:availability": "availability", "product:condition": "itemCondition",
    "product:retailer_item_id": "sku", "product:gtin": "gtin", "product:mfr_part_no": "mpn", "og:url": "url",
    "og:image": "image", "og:title": "name", "product:item_group_id": "productGroupID",
}  # fmt: skip


class Dialect(NamedTuple):
    """The attributes that say: here a thing begins, of this type, and this is its property."""

    way: Literal["microdata", "rdfa"]
    scope: str
    type: str
    property: str


DIALECTS = (
    Dialect("microdata", "itemscope", "itemtype", "itemprop"),
    Dialect("rdfa", "typeof", "typeof", "property"),
)


def read(root: _Element, dialect: Dialect, purse: Purse) -> list[Thing]:
    """Return the things that no other thing has as a property."""
    return _Reader(root, dialect, purse).things()


def opengraph(root: _Element) -> Thing | None:
    """Return the product that OpenGraph's properties tell of; None without a price."""
    values: dict[str, list[str | Thing]] = {}
    for element in root.iter("meta"):
        name = _OPENGRAPH.get((element.get("property") or element.get("name") or "").strip().lower())
        content = (element.get("content") or "").strip()
        if name and content:
            values.setdefault(name, []).append(content[:LONGEST])
    if "price" not in values:
        return None
    if "sale" in values:
        values["listPrice"], values["price"] = values["price"], values.pop("sale")
    product: dict[str, list[str | Thing]] = {
        name: values.pop(name)
        for name in ("name", "sku", "gtin", "mpn", "image", "url", "productGroupID")
        if name in values
    }
    offer = Thing("opengraph", ("Offer",), values)
    return Thing("opengraph", ("Product",), {**product, "offers": [offer]})


class _Reader:
    """Reads one page in one dialect."""

    def __init__(self, root: _Element, dialect: Dialect, purse: Purse) -> None:
        self._root, self._dialect, self._purse = root, dialect, purse
        self._by_id: dict[str, _Element] | None = None

    def things(self) -> list[Thing]:
        dialect, found = self._dialect, []
        for element in self._root.iter("*"):
            if element.get(dialect.scope) is None or not self._purse.pay():
                continue
            if element.get(dialect.property) is None or not self._inside(element):
                found.append(self._thing(element, 0))
        return [thing for thing in found if thing.types]

    def _inside(self, element: _Element) -> bool:
        return any(each.get(self._dialect.scope) is not None for each in element.iterancestors())

    def _thing(self, element: _Element, depth: int) -> Thing:
        dialect = self._dialect
        types = (element.get(dialect.type) or "").split()
        thing = Thing(dialect.way, tuple(bare(each) for each in types), {})
        where = element.get("itemid") if dialect.way == "microdata" else element.get("resource") or element.get("about")
        if where:
            thing.values["@id"] = [where[:LONGEST]]
        # A stack, so that what comes first on the page comes first; what is referred to comes last.
        pending = [*self._referred(element), *list(element)[::-1]]
        while pending and self._purse.pay():
            child = pending.pop()
            if child.tag in _UNSEEN:
                continue
            names = (child.get(dialect.property) or "").split()
            nested = child.get(dialect.scope) is not None
            if names:
                inner = nested and depth < DEPTH
                value = self._thing(child, depth + 1) if inner else _value(child, dialect)
                for name in names[:8]:
                    thing.values.setdefault(bare(name), []).append(value)
            if not nested:
                pending += list(child)[::-1]
        return thing

    def _referred(self, element: _Element) -> list[_Element]:
        names = (element.get("itemref") or "").split()[:16] if self._dialect.way == "microdata" else []
        if names and self._by_id is None:
            self._by_id = {}
            for each in self._root.iter("*"):
                self._by_id.setdefault(each.get("id") or "", each)
        return [self._by_id[name] for name in names if self._by_id and name in self._by_id]


def _value(element: _Element, dialect: Dialect) -> str:
    """Return what an element says: what is written for machines before what is shown."""
    content = element.get("content")
    if content is not None:
        return content[:LONGEST]
    if dialect.way == "rdfa" and element.get("resource"):
        return str(element.get("resource"))[:LONGEST]
    tag = str(element.tag)
    told = element.get(_ADDRESSES.get(tag, "")) if tag in _ADDRESSES else None
    if told is None and tag in ("data", "meter"):
        told = element.get("value")
    if told is None and tag == "time":
        told = element.get("datetime")
    return (told if told is not None else "".join(_shown(element))).strip()[:LONGEST]


def _shown(element: _Element) -> Iterator[str]:
    """Yield the texts of an element without scripts, up to the length that is kept."""
    length = 0
    walk = iterwalk(element, events=("start", "end"))
    for event, each in walk:
        hidden = each.tag in _UNSEEN
        if event == "start" and hidden:
            walk.skip_subtree()
        text = (None if hidden else each.text) if event == "start" else each.tail if each is not element else None
        if text:
            yield text
            length += len(text)
            if length > LONGEST:
                return


def text_of(element: _Element) -> str:
    """Return what an element shows, up to the length that is kept."""
    return "".join(_shown(element))[:LONGEST]
