"""What a page offers: each thing for sale that its markup tells of, flattened to what a feed says of an item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from rekindle.feeds.landing import money
from rekindle.feeds.landing.things import Thing, Way

_PRODUCTS = ("Product", "ProductGroup", "ProductModel", "IndividualProduct", "SomeProducts", "Vehicle", "Car", "Book")
_GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8", "isbn", "ean")
_BEFORE = {"listprice", "strikethroughprice", "msrp", "srp", "regularprice", "minimumadvertisedprice"}
"""Types of a price that nobody is asked to pay (schema.org, PriceTypeEnumeration)."""
_COMMON = ("priceCurrency", "availability", "itemCondition")
_MOST = 500
_WAYS: Sequence[Way] = ("json-ld", "microdata", "rdfa", "opengraph")


class Shown(msgspec.Struct, frozen=True):
    """One thing for sale. ``price`` is what is to be paid, ``before`` the one that is struck out.

    ``low`` and ``high`` are there where a page gives a range only. ``said_price`` and the like are as they are written.
    ``with_tax`` is None where the page does not say. ``variant`` says that it is one of a group.
    """

    way: Way
    name: str | None
    ids: tuple[str, ...]
    gtins: tuple[str, ...]
    mpn: str | None
    group: str | None
    urls: tuple[str, ...]
    images: tuple[str, ...]
    price: Decimal | None
    before: Decimal | None
    low: Decimal | None
    high: Decimal | None
    currency: str | None
    with_tax: bool | None
    availability: str | None
    condition: str | None
    said_price: str | None
    said_availability: str | None
    variant: bool = False


def offers(things: Sequence[Thing]) -> list[Shown]:
    """Return what is for sale, by the best way that gives a price; else by the best that names a product."""
    by_way = {way: list(dict.fromkeys(_all(things, way)))[:_MOST] for way in _WAYS}
    priced = [
        found for found in by_way.values() if any(each.price is not None or each.low is not None for each in found)
    ]
    return next(iter(priced), next((found for found in by_way.values() if found), []))


def _all(things: Sequence[Thing], way: Way) -> Iterator[Shown]:
    for thing in things:
        if thing.way == way:
            yield from _of(thing, None)


def _of(thing: Thing, group: Thing | None) -> Iterator[Shown]:
    """Yield a product's offers, or those of a group's variants."""
    if not thing.any_of(*_PRODUCTS):
        return
    variants = list(thing.things("hasVariant"))
    if variants:
        for variant in variants[:_MOST]:
            yield from _of(variant, thing)
        return
    whole = next(thing.things("isVariantOf"), group)
    found = [part for each in thing.things("offers") for part in _parts(each)]
    if not found and group is not None:
        found = [part for each in group.things("offers") for part in _parts(each)]
    chosen: list[Thing | None] = [*found[:_MOST]]
    for offer in chosen or [None]:
        yield _shown(thing, offer, whole, variant=whole is not None or len(found) > 1)


def _parts(offer: Thing) -> list[Thing]:
    """Return the single offers of an aggregate one, with what it says of all; itself where it names none."""
    inner = list(offer.things("offers"))[:_MOST] if offer.any_of("AggregateOffer") else []
    common = {name: offer.values[name] for name in _COMMON if name in offer.values}
    return [Thing(each.way, each.types, common | each.values) for each in inner] or [offer]


def _shown(product: Thing, offer: Thing | None, group: Thing | None, *, variant: bool) -> Shown:
    told = [each for each in (offer, product, group) if each is not None]

    def texts(*names: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for thing in told for name in names for text in thing.texts(name)))

    own = [each for each in (offer, product) if each is not None]
    # An offer's own number is the variant's where one product has several.
    ids = tuple(dict.fromkeys(text for each in own for name in ("sku", "productID") for text in each.texts(name)))
    price = _Price(offer)
    available = next((text for each in own for text in each.texts("availability")), None)
    condition = next((text for each in told for text in each.texts("itemCondition")), None)
    return Shown(
        product.way, product.text("name"), ids,
        tuple(dict.fromkeys(text for each in own for name in _GTINS for text in each.texts(name))),
        next((text for each in own for text in each.texts("mpn")), None),
        (group or product).text("productGroupID") or product.text("inProductGroupWithID"),
        tuple(dict.fromkeys(text for each in own for name in ("url", "@id") for text in each.texts(name))),
        texts("image"), price.now, price.before, price.low, price.high, price.currency, price.with_tax,
        money.availability(available), money.condition(condition), price.words, available, variant,
    )  # fmt: skip


class _Price:
    """What an offer says of its price: on itself, or in specifications of a price."""

    def __init__(self, offer: Thing | None) -> None:
        self.words: str | None = None
        self.now = self.before = self.low = self.high = None
        self.currency: str | None = None
        self.with_tax: bool | None = None
        if offer is None:
            return
        self.words = offer.text("price")
        self.now = money.amount(self.words)
        self.before = money.amount(offer.text("listPrice"))
        self.currency = _currency(offer)
        self._specified(offer)
        if self.now is None:
            self.low, self.high = money.amount(offer.text("lowPrice")), money.amount(offer.text("highPrice"))
            if self.low is not None and self.low == (self.high or self.low) and self.high is not None:
                self.now, self.words, self.low, self.high = self.low, offer.text("lowPrice"), None, None
            self.words = self.words or offer.text("lowPrice")

    def _specified(self, offer: Thing) -> None:
        for each in offer.things("priceSpecification"):
            found = money.amount(each.text("price"))
            if found is None or not _for_everybody(each):
                continue
            kind = (each.text("priceType") or "").rstrip("/").rpartition("/")[2].lower()
            self.currency = self.currency or _currency(each)
            if kind in _BEFORE:
                self.before = found
                continue
            if self.now is None:
                self.now, self.words = found, each.text("price")
            taxed = (each.text("valueAddedTaxIncluded") or "").rstrip("/").rpartition("/")[2].lower()
            if taxed in ("true", "false"):
                self.with_tax = taxed == "true"


def _for_everybody(price: Thing) -> bool:
    """Tell whether one piece costs so, for whoever comes: no delivery, no member's price, no quantity discount."""
    if price.any_of("DeliveryChargeSpecification", "PaymentChargeSpecification"):
        return False
    if price.values.get("validForMemberTier"):
        return False
    for quantity in price.things("eligibleQuantity"):
        least = money.amount(quantity.text("minValue", "value"))
        if least is not None and least > 1:
            return False
    return True


def _currency(thing: Thing) -> str | None:
    told = (thing.text("priceCurrency") or "").strip().upper()
    return told or None
