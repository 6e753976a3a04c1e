"""Which of the things that a page offers is an item of the feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

import msgspec

from rekindle.feeds.landing.offers import Shown

How = Literal["id", "gtin", "mpn", "url", "group", "alone", "alike", "none"]
"""``group``: the page knows the item's group alone, and all that it says of it is alike. ``alone``: the page offers nothing else.
``alike``: what it offers has no names, and all of it is alike. ``none``: it is not there."""

_MARKS = ("utm_", "gclid", "gbraid", "wbraid", "fbclid", "msclkid", "srsltid", "ttclid", "gad_")
"""Parameters that a click brings along and that name no page."""


class Wanted(msgspec.Struct, frozen=True):
    """What the feed says of one item; empty where its channel has no such attribute. ``row`` is the source's."""

    id: str
    link: str
    own_id: str = ""
    row: int | None = None
    group: str = ""
    gtin: str = ""
    mpn: str = ""
    price: str = ""
    sale: str = ""
    span: str = ""
    availability: str = ""
    condition: str = ""
    image: str = ""


def match(item: Wanted, found: Sequence[Shown], final: str) -> tuple[Shown | None, How]:
    """Return the thing on the page that is the item, and how that is known; ``final`` is where the page was found."""
    ids = {each for each in (item.id, item.own_id) if each}
    ways: list[tuple[How, list[Shown]]] = [
        ("id", [each for each in found if ids & set(each.ids)]),
        ("gtin", [each for each in found if item.gtin and same_gtin(item.gtin, each.gtins)]),
        ("mpn", [each for each in found if item.mpn and item.mpn == each.mpn]),
        ("url", [each for each in found if any(same_place(url, item.link, final) for url in each.urls)]),
        ("group", [each for each in found if item.group and item.group in each.ids]),
    ]
    for how, hits in ways:
        if len(hits) == 1:
            return hits[0], how
        if hits and _alike(hits):
            return hits[0], how
    if len(found) == 1 and not found[0].variant:
        return found[0], "alone"
    if found and _alike(found) and not any(each.ids for each in found):
        return found[0], "alike"
    return None, "none"


def same_gtin(gtin: str, others: Sequence[str]) -> bool:
    """Tell whether one of ``others`` is the same number; leading zeros only make it longer."""
    return gtin.lstrip("0") in {"".join(letter for letter in other if letter.isdigit()).lstrip("0") for other in others}


def same_place(one: str, other: str, base: str) -> bool:
    """Tell whether two addresses lead to the same page: host without ``www.``, path, and parameters but for marks."""
    return _place(joined(base, one)) == _place(joined(base, other))


def joined(base: str, url: str) -> str:
    """Return an address as it is meant on a page; one that cannot be read stays as it is."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def same_path(one: str, other: str) -> bool:
    """Tell whether two addresses differ in scheme, ``www.``, a last slash, parameters or fragment at most."""
    return _place(one)[:2] == _place(other)[:2]


def _place(url: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url, ()
    query = [pair for pair in parse_qsl(parts.query)[:100] if not pair[0].lower().startswith(_MARKS)]
    host = (parts.hostname or "").removeprefix("www.")
    return host, unquote(parts.path).rstrip("/"), tuple(sorted(query))


def _alike(found: Sequence[Shown]) -> bool:
    return len({(each.price, each.currency, each.availability) for each in found}) == 1
