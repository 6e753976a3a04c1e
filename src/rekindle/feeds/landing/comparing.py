"""An item of the feed against its landing page, as platforms' crawlers compare them.

What Google says it compares: price, sale price, availability and condition of the structured data with the feed's (Merchant
Center help, "Automatic updates", "Mismatched value (page crawl)").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from rekindle.feeds.landing import money
from rekindle.feeds.landing.matching import How, Wanted, joined, match, same_gtin, same_path
from rekindle.feeds.landing.offers import Shown, offers
from rekindle.feeds.landing.page import Page
from rekindle.model.issue import shorten
from rekindle.model.landing import LANDING

_NEAR = Decimal("0.005")
_CURRENCY = re.compile(r"\b[A-Z]{3}\b")
_NOTHING = re.compile(
    r"\b404\b|not found|no longer available|does not exist|nie znaleziono|nie istnieje|brak strony|nie odnaleziono",
    re.I,
)
_SIZE = re.compile(r"(?:[-_@](?:\d{2,4}x\d{0,4}|x\d{2,4}|\d{1}x|small|medium|large|thumb|scaled))+\Z", re.I)


class PageFinding(msgspec.Struct, frozen=True):
    """One way in which an item's page is wrong. ``row`` is the source's; values are as they are written, shortened."""

    code: str
    attribute: str
    severity: Literal["block", "limit", "warning"]
    feed_value: str
    page_value: str
    remedy: str


class Facts(msgspec.Struct, frozen=True):
    """What is kept of a page, so that it can be compared again when it has not changed: no text of it, only what it offers.

    ``final`` is where it was found, without parameters.
    """

    final: str
    title: str
    heading: str
    canonical: str | None
    hidden: bool
    faults: Sequence[str]
    offers: Sequence[Shown]


def facts_of(page: Page, final: str) -> Facts:
    """Return what is kept of a page."""
    return Facts(final, page.title, page.heading, page.canonical, page.hidden, page.faults, offers(page.things))


def finding(code: str, attribute: str, feed_value: object = "", page_value: object = "") -> PageFinding:
    """Return a finding with the grade and remedy of its code."""
    known = LANDING[code]
    return PageFinding(code, attribute, known.severity, shorten(feed_value), shorten(page_value), known.remedy)


def compare(item: Wanted, page: Facts, currency: str, now_ms: int) -> tuple[list[PageFinding], How]:
    """Return what is wrong with an item's page, and how the item was found there.

    An amount without a currency is in ``currency``.
    """
    found = list(_place(item, page))
    if any(each.code == "page-home" for each in found):
        return found, "none"
    if not any(_priced(each) for each in page.offers) and _NOTHING.search(f"{page.title}\n{page.heading}"):
        return [*found, finding("page-soft-missing", "link", item.link, page.title or page.heading)], "none"
    found += [finding(code, "link", item.link) for code in page.faults]
    if not page.offers:
        return [*found, finding("markup-missing", "link", item.link)], "none"
    shown, how = match(item, page.offers, page.final)
    if shown is None:
        others = ", ".join(identity for each in page.offers for identity in each.ids[:1])
        return [*found, finding("item-not-on-page", "id", item.id, others)], how
    found += _price(item, shown, currency, now_ms)
    found += _others(item, shown, page.final)
    return found, how


def _priced(shown: Shown) -> bool:
    return shown.price is not None or shown.low is not None


def _place(item: Wanted, page: Facts) -> Iterator[PageFinding]:
    """Yield what is wrong with where the page is."""
    if page.final and not same_path(item.link, page.final):
        home = not _path(page.final) and bool(_path(item.link))
        yield finding("page-home" if home else "page-redirects", "link", item.link, page.final)
    right = page.canonical
    if right and not same_path(right, item.link) and not same_path(right, page.final or item.link):
        yield finding("page-canonical", "link", item.link, right)
    if page.hidden:
        yield finding("page-noindex", "link", item.link, "noindex")


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.strip("/")
    except ValueError:
        return url


def _price(item: Wanted, shown: Shown, currency: str, now_ms: int) -> Iterator[PageFinding]:
    regular, sale = money.amount(item.price), money.amount(item.sale)
    if regular is None:
        return
    on = sale is not None and in_force(item.span, now_ms)
    wanted, text, name = (sale, item.sale, "sale_price") if on and sale is not None else (regular, item.price, "price")
    if not _priced(shown):
        yield finding("price-missing", name, text)
        return
    told = _CURRENCY.search(item.price)
    mine, theirs = told[0] if told else currency, shown.currency or currency
    said = f"{shown.said_price or ''} {shown.currency or ''}".strip()
    if mine != theirs:
        yield finding("currency-mismatch", name, text, said)
        return
    if shown.price is None:
        low, high = shown.low or Decimal(0), shown.high if shown.high is not None else shown.low or Decimal(0)
        inside = low - _NEAR <= wanted <= high + _NEAR
        yield finding(
            "price-range" if inside else "price-mismatch", name, text, f"{low} - {high} {shown.currency or ''}".strip()
        )
        return
    if not money.plain(shown.said_price):
        yield finding("price-format", name, text, said)
    if not _same(shown.price, wanted):
        yield finding(_why(shown, regular, sale), name, text, said)
    elif on and shown.before is not None and not _same(shown.before, regular):
        yield finding("before-price-mismatch", "price", item.price, shown.before)


def _why(shown: Shown, regular: Decimal, sale: Decimal | None) -> str:
    assert shown.price is not None
    other_side = sale is not None and (_same(shown.price, sale) or _same(shown.price, regular))
    of_page_alone = sale is None and shown.before is not None and _same(shown.before, regular)
    if other_side or of_page_alone:
        return "sale-mismatch"
    return "price-without-tax" if shown.with_tax is False and shown.price < regular else "price-mismatch"


def _same(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= _NEAR


def in_force(span: str, now_ms: int) -> bool:
    """Tell whether a sale with the dates ``start/end`` (ISO 8601) is on; without dates that can be read it is."""
    start, _, end = span.partition("/")
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    begun, ended = _moment(start), _moment(end)
    return (begun is None or begun <= now) and (ended is None or now < ended)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _others(item: Wanted, shown: Shown, base: str) -> Iterator[PageFinding]:
    """Yield what differs of stock, condition, numbers and pictures."""
    sold = money.availability(item.availability)
    if sold is not None:
        if shown.said_availability is None:
            yield finding("availability-missing", "availability", item.availability)
        elif shown.availability is None:
            yield finding("availability-unknown", "availability", item.availability, shown.said_availability)
        elif shown.availability != sold:
            yield finding("availability-mismatch", "availability", item.availability, shown.said_availability)
    condition = money.condition(item.condition)
    if condition is not None and shown.condition is not None and condition != shown.condition:
        yield finding("condition-mismatch", "condition", item.condition, shown.condition)
    if item.gtin and shown.gtins and not same_gtin(item.gtin, shown.gtins):
        yield finding("gtin-mismatch", "gtin", item.gtin, ", ".join(shown.gtins))
    if item.mpn and shown.mpn and item.mpn.strip().lower() != shown.mpn.strip().lower():
        yield finding("mpn-mismatch", "mpn", item.mpn, shown.mpn)
    if item.image and shown.images and _stem(item.image) not in {_stem(joined(base, each)) for each in shown.images}:
        yield finding("image-elsewhere", "image_link", item.image, shown.images[0])


def _stem(url: str) -> str:
    """Return a picture's file name without size and kind: services of pictures change the rest of an address."""
    name = unquote(_path(url).rpartition("/")[2]).lower()
    return _SIZE.sub("", name.rpartition(".")[0] or name)
