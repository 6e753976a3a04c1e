"""Every channel, every attribute, every nasty value: an independent reader finds what was meant, byte for byte."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import pytest
from babel.numbers import get_currency_precision

from rekindle.feeds import findings, issues
from rekindle.feeds.channel import channel, channels, configured
from rekindle.feeds.spec import Attribute
from rekindle.model.product import Product
from rekindle.workspace import FeedRule
from tests.feeds.conftest import product, published, shop
from tests.feeds.test_conformance import CASES, feed_of, one_line, read

TEXTS: Final = [
    'quote " and "" doubled, "',
    "it's a \\ backslash, a \\n and a \\\"",
    "commas, semicolons; bars| and\ttabs",
    "line one\nline two\r\nline three\rline four",
    "]]> ends <![CDATA[ nothing <b>bold</b> <!-- no comment -->",
    "&amp; &lt;b&gt; &#65; & && &nbsp;",
    '=HYPERLINK("https://x.example") @SUM +1 -1 \'x',
    "👩‍👩‍👧‍👦 family, 🇵🇱 flag, 𝒜 beyond the first plane, \U0010fffd",
    "שלום עולם, مرحبا بالعالم, \u202bmixed\u202c latin",
    "e\u0301 combining, \u00a0no-break\u202f, zero\u200bwidth, \ufeff mark, \u2028 separator",
    "control \x00\x01\x0b\x1b[31m\x1f\x7f characters",
    "  blanks  around  ",
    "# no comment",
    "NULL",
    "true",
    "0",
    "NaN",
    "1.10",
    "中文字符，日本語テキスト。",
    "ż" * 5000,
    "👍" * 5000,
    ("word " * 1000).strip(),
]
IDS: Final = [
    "A&1",
    "a,b",
    'q"q',
    "it's",
    "<id>",
    "ż 3",
    "🙂",
    "a|b;c",
    "=1+1",
    "#1",
    "0012",
    "a\\b",
    "x]]>y",
    "{id}",
    "%s",
]

# What the published file never holds, by the format (XML 1.0, production 2) and by what no channel wants.
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
OWN_CHECKS: Final = {"structured_title", "structured_description", "identifier_exists"}


def valid(attribute: Attribute, number: int) -> str | None:
    """Return a value that the attribute's type takes; another one for each product where there are several."""
    match attribute.type:
        case "url":
            return f"https://x.example/{number}?a=1&b=2,3;4|5'6\"7%20ż#part"
        case "price":
            return f"{100 if attribute.name == 'price' else 50}.{number:02} PLN"
        case "number":
            return f"{number}.5"
        case "integer":
            return str(max(attribute.minimum or 0, 0) + number)
        case "enum":
            return attribute.values[number % len(attribute.values)]
        case "number_unit":
            return f"{number + 1}.5 {attribute.units[number % len(attribute.units)]}"
        case "datetime":
            return f"2026-09-01T12:{number:02}Z"
        case "datetime_range":
            return f"2026-09-01T12:{number:02}Z/2026-10-01T12:{number:02}Z"
        case "gtin":
            return ("5901234123457", "96385074", "036000291452")[number % 3]
        case "taxonomy":
            return ("166", "Apparel & Accessories > Clothing")[number % 2]
        case "group":
            return f'PL:mazowieckie:Kurier "{number}" <24h> & co:9.{number:02} PLN'
        case _:
            return None


def meant(attribute: Attribute, text: str) -> str | None:
    """Return what the channel is to get of a text: without controls, trimmed, cut or left out where it is too long."""
    cleaned = CONTROL.sub("", text).strip(" \t\r\n")
    if attribute.max_length is not None and len(cleaned) > attribute.max_length:
        if attribute.too_long == "drop":
            return None
        return cleaned[: attribute.max_length].rstrip(" ")
    return cleaned


def products() -> list[Product]:
    return [
        product(IDS[n % len(IDS)] if n < len(IDS) else f"{IDS[n % len(IDS)]}{n}", attributes={"nasty": text})
        for n, text in enumerate(TEXTS)
    ]


@pytest.mark.parametrize(("name", "shape"), [case for case in CASES if case[0] != "template"])
def test_each_attribute_survives_each_text(builder, blobs, shelf, database, name: str, shape: str) -> None:
    feed = feed_of(name, shape)
    attributes = [a for a in configured(feed).spec.attribute if a.name != "id" and not a.repeated]
    items = products()
    for n, one in enumerate(items):
        one.attributes.update({f"x {a.name}": value for a in attributes if (value := valid(a, n)) is not None})
    for attribute in attributes:
        if attribute.name not in OWN_CHECKS:
            source = "nasty" if attribute.type in ("text", "html") else f"x {attribute.name}"
            feed.rule.append(FeedRule(do="join", attribute=attribute.name, names=[f'source."{source}"']))
    shelf.put(*items)
    version = builder.build(shop(main=feed), "main")
    assert [f for f in findings(database, "shop", "main") if f.severity == "block"] == []
    assert version.items == len(TEXTS)
    left_out = {(issue.id, issue.attribute) for issue in issues(database, "shop", "main", severity="limit")}

    key = channel(name).spec.find("id").header
    got = {found[key][0]: found for found in read(shape, published(blobs, version))}
    assert set(got) == {one.id for one in items}
    for n, one in enumerate(items):
        for attribute in attributes:
            if attribute.name in OWN_CHECKS:
                continue
            wanted = meant(attribute, TEXTS[n]) if attribute.type in ("text", "html") else valid(attribute, n)
            if (one.id, attribute.name) in left_out and attribute.header not in got[one.id]:
                assert attribute.type == "text", f"{attribute.name}: a clean value was left out"
                continue
            if wanted is not None and shape in ("tsv", "txt"):
                wanted = one_line(wanted)
            found = got[one.id].get(attribute.header)
            assert found == (None if wanted is None else [wanted]), (attribute.name, TEXTS[n][:40])


@pytest.mark.parametrize("shape", channel("template").formats)
def test_a_template_of_one_s_own_survives_each_text(builder, blobs, shelf, shape: str) -> None:
    feed = feed_of("template", shape)
    shelf.put(*(product(one.id, title=one.attributes["nasty"], attributes={"shipping_label": one.attributes["nasty"]})
                for one in products()))  # fmt: skip
    version = builder.build(shop(main=feed), "main")
    got = {found["sku"][0]: found for found in read(shape, published(blobs, version))}
    for one in products():
        wanted = re.sub(" {2,}", " ", CONTROL.sub("", one.attributes["nasty"]).strip(" \t\r\n"))  # as templates do
        if shape == "tsv":
            wanted = one_line(wanted)
        assert got[one.id]["lamp"] == [wanted]


AMOUNTS: Final = {"JPY": "1200", "HUF": "12990", "KWD": "1.5", "KRW": "99000"}


@pytest.mark.parametrize("name", sorted(set(channels()) - {"template"}))
def test_amounts_have_the_currency_s_digits_at_every_channel(builder, blobs, shelf, database, name: str) -> None:
    shape = next(iter(channel(name).formats))
    prices = [a for a in channel(name).spec.attribute if a.name == "price" and a.type in ("price", "number")]
    key = channel(name).spec.find("id").header
    shelf.put(
        product("PLN"), *(product(code, price=Decimal(amount), currency=code) for code, amount in AMOUNTS.items())
    )
    version = builder.build(shop(main=feed_of(name, shape)), "main")
    got = {found[key][0]: found for found in read(shape, published(blobs, version))}
    for price in prices:
        if price.type == "number":
            blocked = {(i.id, i.attribute, i.code) for i in issues(database, "shop", "main", severity="block")}
            assert blocked == {(code, "price", "missing") for code in AMOUNTS}, "złoty only"
            assert set(got) == {"PLN"}
            continue
        for code, amount in AMOUNTS.items():
            assert got[code][price.header] == [f"{Decimal(amount):.{get_currency_precision(code)}f} {code}"]


@pytest.mark.parametrize(
    ("name", "shape"), [c for c in CASES if any(a.repeated and a.type == "url" for a in channel(c[0]).spec.attribute)]
)
def test_lists_keep_their_order_at_every_channel(builder, blobs, shelf, name: str, shape: str) -> None:
    images = [f"https://x.example/{letter}.jpg?a=1&b=2" for letter in "cabed"]
    shelf.put(product("A", additional_image_links=images))
    version = builder.build(shop(main=feed_of(name, shape)), "main")
    (found,) = read(shape, published(blobs, version))
    (attribute,) = [a for a in configured(feed_of(name, shape)).spec.attribute if a.repeated and a.type == "url"]
    values = found[attribute.header]
    assert (values if len(values) > 1 else values[0].split(",")) == images
