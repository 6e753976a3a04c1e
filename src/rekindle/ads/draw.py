"""Draw an ad: a document of its own for a frame, a fragment for the shop's page, or JSON."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jinja2
import msgspec
from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency

from rekindle.ads.pick import Pick
from rekindle.workspace import Campaign

_WORDS = {
    "en": {"ad": "Ad", "cart": "In your cart", "viewed": "Viewed by you", "was": "Before", "now": "Now"},
    "pl": {"ad": "Reklama", "cart": "W Twoim koszyku", "viewed": "Oglądane przez Ciebie", "was": "Przedtem", "now": "Teraz"},
}  # fmt: skip

# The least room in which a product can be read, in CSS pixels.
_CELL_WIDTH, _CELL_HEIGHT, _HEAD_HEIGHT = 130, 150, 30


class Slot(msgspec.Struct, frozen=True):
    """One product as it is drawn: texts are ready for the reader, the link carries where the click comes from."""

    id: str
    title: str
    link: str
    image_link: str
    price: str
    why: str
    note: str
    before: str | None = None
    brand: str | None = None


def slots(picks: Sequence[Pick], campaign_name: str, campaign: Campaign, language: str, click: str) -> list[Slot]:
    """Turn picks into what is drawn. ``click`` is a random id of this ad; it says nothing about a person."""
    words = _words(language)
    drawn = []
    for place, chosen in enumerate(picks, 1):
        offer = chosen.offer
        reduced = offer.sale_price is not None and 0 < offer.sale_price < offer.price
        now = offer.sale_price if reduced and offer.sale_price is not None else offer.price
        drawn.append(
            Slot(
                id=offer.id,
                title=offer.title,
                link=tracked(offer.link, campaign_name, f"{campaign.placement}-{place}", click),
                image_link=offer.image_link,
                price=money(now, offer.currency, language),
                before=money(offer.price, offer.currency, language) if reduced else None,
                brand=offer.brand,
                why=chosen.why,
                note=words.get(chosen.why, ""),
            )
        )
    return drawn


def page(drawn: Sequence[Slot], campaign: Campaign, language: str) -> str:
    """Return a whole document for a frame of the campaign's size: no script, its style inside."""
    columns, rows = max(1, campaign.width // _CELL_WIDTH), max(1, (campaign.height - _HEAD_HEIGHT) // _CELL_HEIGHT)
    shown = list(drawn[: columns * rows])
    columns = min(columns, len(shown))
    strip = campaign.height < _HEAD_HEIGHT + _CELL_HEIGHT
    return _template("page.html").render(
        slots=shown,
        campaign=campaign,
        words=_words(language),
        language=language,
        style=stylesheet(),
        columns=min(columns, 8),
        strip=strip,
    )


def fragment(drawn: Sequence[Slot], campaign: Campaign, language: str) -> str:
    """Return one ``<section>`` for a page that links ``/ad/slot.css``; it has no style attribute and no script."""
    return _template("section.html").render(
        slots=drawn, campaign=campaign, words=_words(language), language=language, columns=0, strip=False
    )


def tracked(link: str, campaign: str, content: str, click: str) -> str:
    """Add campaign parameters and the click id to a link; parameters that are there stay as they are."""
    parts = urlsplit(link)
    there = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = {
        "utm_source": "rekindle",
        "utm_medium": "display",
        "utm_campaign": campaign,
        "utm_content": content,
        "rk_click": click,
    }
    # What the shop wrote stays byte for byte: some routers read more than names and values out of it.
    query = [parts.query] if parts.query else []
    query.append(urlencode({name: value for name, value in added.items() if name not in there}))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(query), parts.fragment))


def money(amount: Decimal, currency: str, language: str) -> str:
    """Write a price as readers of the language do."""
    return format_currency(amount, currency, locale=_locale(language))


@cache
def stylesheet() -> str:
    """Return the style of every ad."""
    return files(__package__).joinpath("templates/slot.css").read_text(encoding="utf-8")


@cache
def style_hash() -> str:
    """Return the stylesheet's source expression for a content-security policy."""
    digest = hashlib.sha256(stylesheet().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


@cache
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def _words(language: str) -> dict[str, str]:
    return _WORDS.get(language.replace("_", "-").split("-")[0].lower(), _WORDS["en"])
