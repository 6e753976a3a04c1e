"""A product page as shops write it, in four syntaxes, to plant faults in."""

from __future__ import annotations

import html
import json
from typing import Any

from rekindle.feeds.landing.comparing import Facts, facts_of
from rekindle.feeds.landing.matching import Wanted
from rekindle.feeds.landing.page import read

LINK = "https://shop.example/p/A-1"
ITEM = Wanted(
    id="A-1", own_id="A-1", link=LINK, row=7, group="A", gtin="5901234123457", mpn="M1", price="199.00 PLN",
    availability="in_stock", condition="new", image="https://cdn.example/i/a-1.jpg",
)  # fmt: skip
SAYS: dict[str, Any] = {
    "name": "Sofa cover", "sku": "A-1", "gtin13": "5901234123457", "mpn": "M1", "url": LINK,
    "image": "https://cdn.example/i/a-1_800x800.jpg", "price": "199.00", "priceCurrency": "PLN",
    "availability": "https://schema.org/InStock", "itemCondition": "https://schema.org/NewCondition",
}  # fmt: skip
_OFFER = ("price", "priceCurrency", "availability", "itemCondition")


def product(**says: Any) -> dict[str, Any]:
    """Return JSON-LD; what is None is left out, ``offers`` and other things replace what stands there."""
    told = {name: value for name, value in (SAYS | says).items() if value is not None}
    offer = {"@type": "Offer"} | {name: told.pop(name) for name in _OFFER if name in told}
    offer |= told.pop("offer", {})
    return {"@context": "https://schema.org/", "@type": "Product", "offers": offer} | told


def json_ld(*things: Any, head: str = "") -> str:
    scripts = "".join(f'<script type="application/ld+json">{json.dumps(each)}</script>' for each in things)
    return f"<!doctype html><html><head><title>Sofa cover</title>{head}{scripts}</head><body><h1>Sofa cover</h1></body></html>"


def microdata(**says: Any) -> str:
    told = {name: html.escape(str(value)) for name, value in (SAYS | says).items() if value is not None}
    offer = "".join(_meta("itemprop", name, told.pop(name)) for name in _OFFER if name in told)
    own = "".join(_meta("itemprop", name, value) for name, value in told.items())
    return (
        f'<html><title>Sofa cover</title><body><div itemscope itemtype="http://schema.org/Product">{own}'
        f'<div itemprop="offers" itemscope itemtype="http://schema.org/Offer"><script>var price = 1</script>{offer}</div></div>'
    )


def rdfa(**says: Any) -> str:
    told = {name: html.escape(str(value)) for name, value in (SAYS | says).items() if value is not None}
    offer = "".join(_meta("property", name, told.pop(name)) for name in _OFFER if name in told)
    own = "".join(_meta("property", name, value) for name, value in told.items())
    return (
        f'<html><title>Sofa cover</title><body vocab="http://schema.org/"><div typeof="Product">{own}'
        f'<div property="offers" typeof="schema:Offer">{offer}</div></div>'
    )


def opengraph(**says: Any) -> str:
    told = SAYS | says
    names = {
        "price": "product:price:amount", "priceCurrency": "product:price:currency", "sku": "product:retailer_item_id",
        "availability": "product:availability", "itemCondition": "product:condition", "image": "og:image", "url": "og:url",
    }  # fmt: skip
    return "<html><head>" + "".join(
        _content("property", name, html.escape(str(told[own]))) for own, name in names.items()
    )


def _meta(attribute: str, name: str, value: str) -> str:
    if value.startswith("http"):
        tag = "img" if name == "image" else "link"
        kind = "src" if tag == "img" else "href"
        return (
            f'<{tag} {attribute}="{name}" {kind}="{value}">'
            if not name.startswith("og:")
            else _content(attribute, name, value)
        )
    return (
        _content(attribute, name, value)
        if name in ("gtin13", "priceCurrency") or ":" in name
        else (f'<span {attribute}="{name}">  {value} <!-- shown --></span>')
    )


def _content(attribute: str, name: str, value: str) -> str:
    return f'<meta {attribute}="{name}" content="{value}">'


def facts(text: str | bytes, final: str = LINK, **headers: str) -> Facts:
    """Read a page as a visit does."""
    body = text.encode() if isinstance(text, str) else text
    return facts_of(read(body, final, {"content-type": "text/html; charset=utf-8"} | headers), final)
