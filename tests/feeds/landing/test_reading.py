"""Readers of pages: what is said in any syntax is read alike, what is broken is repaired or told, nothing is endless."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.feeds.landing import jsonld, money
from rekindle.feeds.landing.page import read
from rekindle.feeds.landing.things import BUDGET, Purse
from tests.feeds.landing.pages import LINK, facts, json_ld, microdata, product, rdfa

words = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\0"), min_size=1, max_size=30).map(
    lambda text: " ".join(text.split()) or "x"
)
prices = st.decimals(Decimal("0.01"), Decimal("999999"), places=2)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["@type", "@id", "@graph", "offers", "price", "@value", "hasVariant"]) | words, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(price=prices, sku=words, name=words)
def test_the_same_is_read_from_every_syntax(price: Decimal, sku: str, name: str) -> None:
    says = {"price": str(price), "sku": sku, "name": name}
    for page in (json_ld(product(**says)), microdata(**says), rdfa(**says)):
        (shown,) = facts(page).offers
        assert (shown.price, shown.ids, shown.name, shown.currency) == (price, (sku,), name, "PLN")
        assert (shown.availability, shown.condition, shown.gtins) == ("in_stock", "new", ("5901234123457",))
        assert [url for url in shown.urls if url == LINK] == [LINK]


@settings(max_examples=100, deadline=None)
@given(value=values)
def test_no_json_is_a_fault_of_the_reader(value: Any) -> None:
    script = json.dumps(value)
    assert jsonld.parse(script)[1] is None
    read(f'<script type="application/ld+json">{script}</script>'.encode(), LINK, {})


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=400) | st.text(max_size=400).map(str.encode),
    charset=st.sampled_from(["", "utf-16", "x-no", "cp1250"]),
)
def test_no_bytes_are_a_fault_of_the_reader(body: bytes, charset: str) -> None:
    read(body, LINK, {"content-type": f"text/html; charset={charset}"})


@settings(max_examples=60, deadline=None)
@given(
    value=values,
    wrapping=st.sampled_from(
        ["<!-- %s -->", "//<![CDATA[\n%s\n//]]>", "/* <![CDATA[ */ %s /* ]]> */", "%s;", "\ufeff %s"]
    ),
)
def test_what_templates_wrap_around_json_is_no_fault(value: Any, wrapping: str) -> None:
    plain, _ = jsonld.parse(json.dumps(value))
    assert jsonld.parse(wrapping % json.dumps(value)) == (plain, None)


@settings(max_examples=60, deadline=None)
@given(value=st.dictionaries(words, words, min_size=1, max_size=4))
def test_needless_commas_and_comments_are_left_out_and_said(value: dict[str, str]) -> None:
    script = json.dumps(value)
    for broken in (
        script[:-1] + ", }",
        '/* a " */' + script,
        script[:-1] + " // price\n}",
        script.replace(": ", ": /**/", 1),
    ):
        assert jsonld.parse(broken) == ([value], "markup-repaired")


def test_repairs_leave_no_doubt() -> None:
    assert jsonld.parse('{"name": "It\\\'s // no /* comment */, }"}') == (
        [{"name": "It's // no /* comment */, }"}],
        "markup-repaired",
    )
    assert jsonld.parse("{&quot;name&quot;: &quot;a&quot;}") == ([{"name": "a"}], "markup-repaired")
    assert jsonld.parse('{"a": "1"}{"a": "2"}') == ([{"a": "1"}, {"a": "2"}], None)
    assert jsonld.parse('{"text": "line\nline", "n": 12.50}') == ([{"text": "line\nline", "n": "12.50"}], None)
    assert jsonld.parse('{"a": 1') == ([], "markup-broken")
    assert jsonld.parse("{'a': 1}") == ([], "markup-broken")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1 299,00 zł", "1299"), ("1,299.00", "1299"), ("12,5", "12.5"), ("1.299,00", "1299"), ("1.299.000", "1299000"),
     ("1,299", "1299"), ("PLN 49", "49"), ("49.", "49"), ("1'299.50", "1299.5"), ("$1,299,000.5", "1299000.5"), ("gratis", None)],
)  # fmt: skip
def test_prices_as_people_write_them(text: str, wanted: str | None) -> None:
    found = money.amount(text)
    assert found == (Decimal(wanted) if wanted else None)


@settings(max_examples=100, deadline=None)
@given(prices)
def test_a_plain_price_is_itself(price: Decimal) -> None:
    assert money.amount(str(price)) == price
    assert money.plain(str(price))


def test_encodings_are_those_that_are_declared() -> None:
    page = microdata(name="Pokrowiec żółty")
    for name, declared in (
        ("utf-8", "text/html"),
        ("cp1250", "text/html; charset=windows-1250"),
        ("utf-16", "text/html"),
    ):
        body = page.encode(name)
        assert read(body, LINK, {"content-type": declared}).things[0].text("name") == "Pokrowiec żółty"
    told = "<meta charset='iso-8859-2'><title>żółty</title>".encode("iso-8859-2")
    assert read(told, LINK, {"content-type": "text/html"}).title == "żółty"


HOSTILE = {
    "nested JSON": '<script type="application/ld+json">' + "[" * 400_000 + "</script>",
    "nested objects": '<script type="application/ld+json">' + '{"@type":"Product","offers":' * 50_000 + "1</script>",
    "nested elements": "<div>" * 300_000,
    "nested things": '<div itemscope itemtype="http://schema.org/Product" itemprop="offers">' * 20_000,
    "quotes": '<script type="application/ld+json">{"a": ' + '\\"' * 400_000 + "</script>",
    "beginnings of comments": '<script type="application/ld+json">' + "/*" * 400_000 + "</script>",
    "commas": '<script type="application/ld+json">' + ", " * 400_000 + "</script>",
    "ends": '<script type="application/ld+json">1' + " -->;" * 200_000 + "x</script>",
    "digits": '<script type="application/ld+json">{"@type":"Product","offers":{"price":' + "9" * 1_000_000 + "}}</script>",
    "many products": json_ld([product(sku=str(n)) for n in range(5_000)]),
    "one's own property": json_ld({"@id": "#a", "@type": "Product", "hasVariant": [{"@id": "#a"}] * 50}),
    "references in a circle": "".join(
        f'<div id="{n}" itemscope itemtype="https://schema.org/Product" itemref="{1 - n}"><b itemprop="sku">{n}</b></div>' for n in (0, 1)
    ),
    "a script in microdata": microdata(name="<script>alert(1)</script>"),
    "entities": "<!DOCTYPE html [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]><title>&b;&#0;&#x110000;</title>",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_comes_to_an_end(name: str) -> None:
    found = facts(HOSTILE[name])
    assert len(found.offers) <= 500
    assert all(len(text) <= 2000 for each in found.offers for text in (*each.ids, *each.urls))


def test_no_more_than_a_budget_is_read_of_a_page() -> None:
    things, _ = jsonld.read([json.dumps([product(sku=str(n)) for n in range(5_000)])], Purse(1_000))
    assert len(things) < 1_000 < BUDGET


def test_scripts_and_comments_are_no_part_of_a_value() -> None:
    page = '<p itemscope itemtype="https://schema.org/Product"><b itemprop="sku">A<script>x</script><!-- y -->-1<i> b</i> c</b></p>'
    assert facts(page).offers[0].ids == ("A-1 b c",)
