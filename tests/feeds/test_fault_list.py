"""The fault list of every channel: each check of each specification finds what it is for, and nothing on clean rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from rekindle.feeds import check_rows
from rekindle.feeds.channel import channel, channels
from rekindle.feeds.checks import Check, compile_checks
from rekindle.feeds.spec import Attribute, Spec
from tests.feeds.test_nasty_values import valid

Row = dict[str, Any]
OTHERS: Final = ("structured_title", "structured_description")
"""Attributes that stand in the place of others."""

TYPED: Final[dict[str, Callable[[Attribute], object]]] = {
    "missing": lambda a: "",
    "too-long": lambda a: _long(a),
    "too-many-values": lambda a: [f"https://x.example/{n}.jpg" for n in range((a.max_values or 0) + 1)],
    "forbidden-value": lambda a: a.forbidden[0],
    "id-control-character": lambda a: "a\x01b",
    "id-blanks": lambda a: " blank",
    "html": lambda a: "<p>Soft</p>",
    "invalid-url": lambda a: ["https://x.example/1.jpg", "nope"] if a.repeated else "/sofa",
    "invalid-number": lambda a: "many" if a.minimum is None else str(a.minimum - 1),
    "invalid-value": lambda a: "never such a value",
    "invalid-measure": lambda a: "heavy",
    "invalid-time": lambda a: "soon",
    "invalid-range": lambda a: "tomorrow",
    "range-reversed": lambda a: "2026-02-01T00:00Z/2026-01-01T00:00Z",
    "invalid-group": lambda a: "9.99",
    "unknown-category": lambda a: "Home > Covers",
    "gtin-length": lambda a: "123",
    "gtin-check-digit": lambda a: "5901234123450",
    "gtin-restricted": lambda a: "2000000000008",
    "price-without-currency": lambda a: "12.34",
    "invalid-price": lambda a: "12,34 PLN",
    "currency-differs": lambda a: "10.00 EUR",
    "unknown-currency": lambda a: "10.00 DEM",
    "encoding-broken": lambda a: "Pokrowiec na sofÄ™",
    "title-all-capitals": lambda a: "BUY THIS SOFA NOW",
    "description-all-capitals": lambda a: "SOFT AND WASHABLE",
    "title-emoji": lambda a: "Sofa cover 🛋",
    "color-not-words": lambda a: "#ff0000",
    "digital-source-missing": lambda a: "Soft and washable",
    "shipping-weight-too-large": lambda a: "1000.5 kg",
    "price-zero": lambda a: "0.00 PLN",
    "sale-price-not-lower": lambda a: "100.00 PLN",
    "brand-missing": lambda a: "",
    "identifier-exists-contradicted": lambda a: "no",
}  # fmt: skip
ACROSS: Final[dict[str, Row]] = {
    "identifiers-missing": {"gtin": "", "mpn": "", "brand": ""},
    "availability-date-missing": {"availability": "preorder", "availability_date": ""},
    "apparel-color-missing": {"google_product_category": "212", "color": ""},
    "apparel-gender-missing": {"google_product_category": "212", "gender": ""},
    "apparel-age-group-missing": {"google_product_category": "212", "age_group": ""},
    "apparel-size-missing": {"google_product_category": "187", "size": ""},
}


def _long(attribute: Attribute) -> object:
    size = (attribute.max_length or 0) + 1
    text = "https://x.example/" + "a" * size if attribute.type == "url" else "x" * size
    return [text] if attribute.repeated else text


def clean(spec: Spec, number: int) -> Row:
    """Return a row with every attribute and no fault."""
    row: Row = {}
    for attribute in spec.attribute:
        value = valid(attribute, 0)
        row[attribute.name] = [value] if attribute.repeated and value else value or "Sofa cover"
    fixed = {"availability": None, "identifier_exists": "yes", "google_product_category": "436", "id": f"clean{number}"}
    row |= {name: value for name, value in fixed.items() if name in row and value}
    return {name: value for name, value in row.items() if name not in OTHERS}


def planted(check: Check, spec: Spec) -> Row:
    """Return what a row is given so that the check finds it."""
    if check.code in ACROSS:
        return {name: value for name, value in ACROSS[check.code].items() if name in spec.names}
    attribute = spec.find(check.attribute)
    assert check.code in TYPED, f"plant a fault for {check.code}: a check that nothing tries may find nothing"
    value = TYPED[check.code](attribute)
    return {check.attribute: value} | ({"price": "100.00 PLN"} if check.code == "sale-price-not-lower" else {})


@pytest.mark.parametrize("name", sorted(channels()))
def test_each_check_finds_its_fault_and_clean_rows_have_none(name: str) -> None:
    spec = channel(name).spec
    checks = compile_checks(spec)
    rows: list[tuple[int, Row]] = []
    for number, check in enumerate(checks):
        fault = planted(check, spec)
        if check.attribute != "id":
            fault |= {"id": f"faulty{number}"}
        rows += [(2 * number, clean(spec, number)), (2 * number + 1, clean(spec, number) | fault)]
    report = check_rows(name, rows, samples=10_000)
    found = {(issue.row, issue.attribute, issue.code, issue.severity) for issue in report.issues}
    missed = [
        (check.attribute, check.code)
        for number, check in enumerate(checks)
        if (2 * number + 1, check.attribute, check.code, check.severity) not in found
    ]
    assert missed == []
    assert [issue for issue in report.issues if issue.row is not None and issue.row % 2 == 0] == []
    assert all(issue.remedy for issue in report.issues)
