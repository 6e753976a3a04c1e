"""Each fault that a page may have, planted once; and pages without any, in every syntax that shops write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rekindle.feeds.landing.comparing import compare, in_force
from rekindle.feeds.landing.matching import Wanted
from rekindle.model.landing import LANDING
from tests.feeds.landing.pages import ITEM, LINK, facts, json_ld, microdata, opengraph, product, rdfa

NOW = 1_790_000_000_000  # 2026-09-21
SALE = {"sale": "149.00 PLN", "span": "2026-09-01T00:00+0000/2026-10-01T00:00+0000"}


def codes(page: str, item: Wanted = ITEM, final: str = LINK, **headers: str) -> list[str]:
    return [each.code for each in compare(item, facts(page, final, **headers), "PLN", NOW)[0]]


def item(**changes: Any) -> Wanted:
    return msgspec.structs.replace(ITEM, **changes)


def variants(*ids: str, price: str = "199.00") -> dict[str, Any]:
    told = [
        product(sku=each, gtin13=None, mpn=None, url=f"{LINK}?v={each}", price=price if at == 0 else f"{99 + at}.00")
        for at, each in enumerate(ids)
    ]
    return {"@type": "ProductGroup", "productGroupID": "A", "name": "Cover", "hasVariant": told}


BEFORE = {"priceSpecification": {"@type": "UnitPriceSpecification", "price": 199, "priceCurrency": "PLN",
          "priceType": "https://schema.org/StrikethroughPrice"}}  # fmt: skip
CLEAN = {
    "json-ld": (json_ld(product()), ITEM),
    "microdata": (microdata(), ITEM),
    "rdfa": (rdfa(), ITEM),
    "opengraph": (opengraph(), ITEM),
    "graph": (json_ld({"@graph": [{"@type": "WebPage", "mainEntity": {"@id": "#p"}}, product() | {"@id": "#p"}]}), ITEM),
    "reference": (json_ld(product(offer={}) | {"offers": {"@id": "#o"}}, product()["offers"] | {"@id": "#o"}), ITEM),
    "list": (json_ld([product()]), ITEM),
    "another type too": (json_ld(product() | {"@type": ["Product", "Car"]}), ITEM),
    "comments": ("<script type='application/ld+json'><!--\n" + msgspec.json.encode(product()).decode() + "\n//--></script>", ITEM),
    "a number": (json_ld(product(price=199)), ITEM),
    "specified": (json_ld(product(price=None, priceCurrency=None, offer={"priceSpecification": [
        {"@type": "DeliveryChargeSpecification", "price": 9, "priceCurrency": "PLN"},
        {"price": 150, "priceCurrency": "PLN", "eligibleQuantity": {"minValue": 10}},
        {"price": "199.00", "priceCurrency": "PLN", "valueAddedTaxIncluded": True}]})), ITEM),
    "sale": (json_ld(product(price="149.00", offer=BEFORE)), item(**SALE)),
    "sale over": (json_ld(product()), item(sale="149.00 PLN", span="2026-08-01T00:00+0000/2026-09-01T00:00+0000")),
    "variants": (json_ld(variants("A-1", "A-2")), item(gtin="")),
    "variants by address": (json_ld(variants("x", "y")), item(gtin="", link=f"{LINK}?v=x&utm_source=g")),
    "aggregate": (json_ld(product(offer={"@type": "AggregateOffer", "lowPrice": 99, "highPrice": 299, "offers": [
        {"@type": "Offer", "sku": "A-2", "price": 299}, {"@type": "Offer", "sku": "A-1", "price": 199}]},
        sku=None, gtin13=None, price=None)), ITEM),
    "one price in a range": (json_ld(product(offer={"@type": "AggregateOffer", "lowPrice": "199.00", "highPrice": "199.00"},
                                             price=None)), ITEM),
    "canonical without parameters": (json_ld(product(), head=f'<link rel="canonical" href="{LINK}">'), item(link=LINK + "?v=1")),
    "sold out": (json_ld(product(availability="SoldOut")), item(availability="out of stock")),
    "another product beside it": (json_ld(product(), product(sku="B", gtin13=None, mpn=None, url="/p/b", price="1")), ITEM),
    "the group beside others": (json_ld(product(sku="A", gtin13=None, mpn=None, url=None), product(sku="B", gtin13=None, mpn=None, url="/p/b", price="1")), ITEM),
    "related": (json_ld(product(isRelatedTo=[product(sku="B", price="1")])), ITEM),
    "no price in the feed": (json_ld(product(price="7")), item(price="")),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_clean_pages_raise_nothing(name: str) -> None:
    page, wanted = CLEAN[name]
    found, how = compare(wanted, facts(page), "PLN", NOW)
    assert found == []
    assert how != "none"


MISSING = "<html><title>404 - Nie znaleziono strony</title><h1>Ups</h1></html>"
PLANTED: dict[str, tuple[list[str], str, dict[str, Any], dict[str, str]]] = {
    "price": (["price-mismatch"], json_ld(product(price="189.00")), {}, {}),
    "price in microdata": (["price-mismatch"], microdata(price="189.00"), {}, {}),
    "price in rdfa": (["price-mismatch"], rdfa(price="189.00"), {}, {}),
    "price in opengraph": (["price-mismatch"], opengraph(price="189.00"), {}, {}),
    "a grosz is half a unit": (["price-mismatch"], json_ld(product(price="199.01")), {}, {}),
    "sale in the feed alone": (["sale-mismatch"], json_ld(product()), SALE, {}),
    "sale on the page alone": (["sale-mismatch"], json_ld(product(price="149.00", offer=BEFORE)), {}, {}),
    "sale is over": (["sale-mismatch"], json_ld(product(price="149.00", offer=BEFORE)),
                     SALE | {"span": "2026-08-01T00:00+0000/2026-09-01T00:00+0000"}, {}),
    "struck out": (["before-price-mismatch"], json_ld(product(price="149.00", offer=BEFORE)), SALE | {"price": "210.00 PLN"}, {}),
    "tax": (["price-without-tax"], json_ld(product(price=None, offer={"priceSpecification": {
        "price": "161.79", "priceCurrency": "PLN", "valueAddedTaxIncluded": "false"}})), {}, {}),
    "currency": (["currency-mismatch"], json_ld(product(priceCurrency="EUR")), {}, {}),
    "range": (["price-range"], json_ld(product(price=None, offer={"@type": "AggregateOffer", "lowPrice": 99, "highPrice": 299})), {}, {}),
    "outside the range": (["price-mismatch"], json_ld(product(price=None, offer={"@type": "AggregateOffer", "lowPrice": 99, "highPrice": 150})), {}, {}),
    "no price": (["price-missing"], json_ld(product(price=None)), {}, {}),
    "comma": (["price-format"], json_ld(product(price="199,00 zł")), {}, {}),
    "stock": (["availability-mismatch"], json_ld(product(availability="http://schema.org/OutOfStock")), {}, {}),
    "no stock": (["availability-missing"], json_ld(product(availability=None)), {}, {}),
    "stock unknown": (["availability-unknown"], json_ld(product(availability="na zamówienie")), {}, {}),
    "condition": (["condition-mismatch"], json_ld(product(itemCondition="UsedCondition")), {}, {}),
    "gtin": (["gtin-mismatch"], json_ld(product(gtin13="4006381333931")), {}, {}),
    "mpn": (["mpn-mismatch"], json_ld(product(mpn="M2")), {}, {}),
    "image": (["image-elsewhere"], json_ld(product(image="/i/placeholder.png")), {}, {}),
    "variant": (["item-not-on-page"], json_ld(variants("A-2", "A-3")), {"gtin": "", "mpn": ""}, {}),
    "no markup": (["markup-missing"], "<html><title>Cover</title><p>199,00 zł</p>", {}, {}),
    "broken markup": (["markup-broken", "markup-missing"], '<script type="application/ld+json">{"@type": Product}</script>', {}, {}),
    "repaired markup": (["markup-repaired"], json_ld(product()).replace("}}<", "},}<").replace('"}, "name"', '",}, "name"').replace("}</script", ",}</script"), {}, {}),
    "noindex": (["page-noindex"], json_ld(product(), head='<meta name="robots" content="noindex, follow">'), {}, {}),
    "noindex by header": (["page-noindex"], json_ld(product()), {}, {"x-robots-tag": "googlebot: noindex"}),
    "canonical": (["page-canonical"], json_ld(product(), head='<link rel="canonical" href="/p/other">'), {}, {}),
    "soft 404": (["page-soft-missing"], MISSING, {}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_fault_is_found_and_nothing_else(name: str) -> None:
    expected, page, changes, headers = PLANTED[name]
    found, _ = compare(item(**changes), facts(page, **headers), "PLN", NOW)
    assert [each.code for each in found] == expected
    for each in found:
        assert each.severity == LANDING[each.code].severity
        assert each.remedy


def test_redirects_are_told_by_where_they_end() -> None:
    page = json_ld(product())
    assert codes(page, final="https://www.shop.example/p/A-1/") == []
    assert codes(page, final="https://shop.example/p/other") == ["page-redirects"]
    assert codes(page, final="https://shop.example/") == ["page-home"]


def test_values_of_both_sides_are_told() -> None:
    (found,), how = compare(ITEM, facts(json_ld(product(price="189.00"))), "PLN", NOW)
    assert (found.attribute, found.feed_value, found.page_value, how) == ("price", "199.00 PLN", "189.00 PLN", "id")
    (found,), _ = compare(
        item(id="Z", own_id="Z", gtin="", mpn="", link=LINK + "?v=z"),
        facts(json_ld(variants("A-2", "A-3"))),
        "PLN",
        NOW,
    )
    assert (found.feed_value, found.page_value) == ("Z", "A-2, A-3")


@pytest.mark.parametrize(
    ("span", "on"),
    [
        ("", True),
        ("2026-09-01/2026-09-30", True),
        ("2026-09-22T00:00+0000/", False),
        ("/2026-09-20T00:00Z", False),
        ("x/y", True),
    ],
)
def test_a_sale_is_on_between_its_dates(span: str, on: bool) -> None:
    assert in_force(span, NOW) is on


def test_every_code_is_planted_somewhere_and_documented() -> None:
    visits = {
        "page-missing",
        "page-forbidden",
        "page-failed",
        "page-unreadable",
        "page-keeps-us-out",
        "page-keeps-google-out",
    }
    redirects = {"page-redirects", "page-home"}
    planted = {code for expected, *_ in PLANTED.values() for code in expected}
    assert planted | visits | redirects == set(LANDING)
    manual = (Path(__file__).parents[3] / "docs" / "feeds.md").read_text(encoding="utf-8")
    for code, known in LANDING.items():
        assert f"| `{code}` | {known.severity} | {known.means} | {known.remedy} |" in manual, code
