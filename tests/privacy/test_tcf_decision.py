"""May a vendor act? In the specification's order, with one reason for each "no"."""

from __future__ import annotations

from typing import Any

import pytest

from rekindle.model.clock import parse_rfc3339
from rekindle.privacy.consent import (
    TcString,
    Vendor,
    VendorListError,
    decide_purpose,
    parse_tcf,
    read_vendor_list,
    string_reason,
)
from tests.privacy.encode import tcf

CREATED = parse_rfc3339("2026-05-29T04:26:40Z")  # the encoder's default
NOW = CREATED + 86_400_000
BEFORE_DISCLOSURE = parse_rfc3339("2026-02-01T00:00:00Z") // 100
GOOGLE = Vendor(755, frozenset({1, 3, 4}), frozenset({2, 7, 9, 10}), frozenset({2, 7, 9, 10}))


def answer(purpose: int, vendor: Vendor | None = GOOGLE, number: int = 755, now: int = NOW, **changes: Any) -> str:
    parsed = parse_tcf(tcf(**changes))
    refused = string_reason(parsed, now)
    if refused is not None:
        return f"none:{refused}"
    assert isinstance(parsed, TcString)
    basis, reason = decide_purpose(parsed, number, vendor, purpose, now)
    return basis or f"none:{reason}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "consent"),
        ({"purposes": [3, 4]}, "none:no-purpose-consent"),
        ({"vendors": [91]}, "none:no-vendor-consent"),
        ({"disclosed": [91]}, "none:vendor-not-disclosed"),
        ({"disclosed": None}, "none:no-disclosed-vendors"),
        ({"disclosed": None, "created": BEFORE_DISCLOSURE, "updated": BEFORE_DISCLOSURE}, "consent"),
        ({"one_treatment": 1}, "none:no-purpose-consent"),
        ({"policy": 3}, "none:policy-too-old"),
        ({"specific": 0}, "none:not-service-specific"),
        ({"cmp_id": 0}, "none:reserved-cmp"),
        ({"cmp_id": 1}, "none:reserved-cmp"),
        ({"version": 1}, "none:unsupported-version"),
        ({"restrictions": [(1, 0, [755])]}, "none:restricted"),
        ({"restrictions": [(1, 0, [91])]}, "consent"),
        ({"restrictions": [(3, 0, [755])]}, "consent"),
        ({"restrictions": [(1, 1, [755])]}, "consent"),
        ({"restrictions": [(1, 2, [755])]}, "none:li-not-permitted"),
        ({"restrictions": [(1, 1, [755]), (1, 0, [755])]}, "none:restricted"),
    ],
)
def test_purpose_1(changes: dict[str, Any], expected: str) -> None:
    assert answer(1, **changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"purposes_li": [7], "vendors_li": [755]}, "li"),
        ({"purposes_li": [7], "vendors_li": []}, "none:no-vendor-li"),
        ({"purposes_li": [], "vendors_li": [755]}, "none:no-purpose-li"),
        ({"purposes": [7], "vendors": [755]}, "none:no-purpose-li"),
        ({"purposes": [7], "restrictions": [(7, 1, [755])]}, "consent"),
        ({"purposes_li": [7], "vendors_li": [755], "restrictions": [(7, 1, [755])]}, "none:no-purpose-consent"),
        ({"purposes_li": [7], "vendors_li": [755], "restrictions": [(7, 2, [755])]}, "li"),
        ({"restrictions": [(7, 0, [755])]}, "none:restricted"),
    ],
)
def test_a_flexible_purpose_on_legitimate_interest(changes: dict[str, Any], expected: str) -> None:
    assert answer(7, **changes) == expected


def test_what_is_not_flexible_cannot_be_switched() -> None:
    fixed = Vendor(755, frozenset({2}), frozenset({7}))
    assert answer(7, fixed, purposes=[7], restrictions=[(7, 1, [755])]) == "none:restricted"
    assert answer(2, fixed, purposes_li=[2], vendors_li=[755], restrictions=[(2, 2, [755])]) == "none:restricted"


def test_legitimate_interest_is_barred_for_profiles() -> None:
    wrong = Vendor(755, frozenset(), frozenset({4}))
    assert answer(4, wrong, purposes_li=[4], vendors_li=[755]) == "none:li-not-permitted"


def test_the_vendor_list_is_asked() -> None:
    assert answer(1, None) == "none:vendor-unknown"
    assert answer(8) == "none:purpose-not-declared"
    gone = Vendor(755, frozenset({1}), deleted_ms=NOW)
    assert answer(1, gone) == "none:vendor-deleted"
    assert answer(1, gone, now=NOW - 1) == "consent"


def test_a_string_runs_out_after_thirteen_months() -> None:
    assert answer(1, now=CREATED + 395 * 86_400_000) == "consent"
    assert answer(1, now=CREATED + 397 * 86_400_000) == "none:expired"


def test_a_string_from_the_future_is_refused() -> None:
    assert answer(1, now=CREATED - 3 * 86_400_000) == "none:created-in-future"


def test_the_earlier_question_answers() -> None:
    # Policy before CMP before age; disclosure before the list; the list before restrictions; those before the choice.
    everything: dict[str, Any] = {"policy": 2, "specific": 0, "cmp_id": 0, "disclosed": None}
    order = ["policy-too-old", "not-service-specific", "reserved-cmp", "expired"]
    repairs: list[dict[str, Any]] = [{}, {"policy": 5}, {"specific": 1}, {"cmp_id": 31}]
    for reason, repair in zip(order, repairs, strict=True):
        everything |= repair
        assert answer(1, now=CREATED + 500 * 86_400_000, **everything) == f"none:{reason}"
    deleted = Vendor(755, frozenset(), deleted_ms=0)
    later: dict[str, Any] = {"restrictions": [(1, 0, [755])], "purposes": [], "vendors": []}
    assert answer(1, deleted, disclosed=[2], **later) == "none:vendor-not-disclosed"
    assert answer(1, deleted, **later) == "none:vendor-deleted"
    assert answer(1, Vendor(755), **later) == "none:purpose-not-declared"
    assert answer(1, **later) == "none:restricted"
    assert answer(1, purposes=[], vendors=[]) == "none:no-purpose-consent"


def test_a_published_list_is_read() -> None:
    document = {
        "gvlSpecificationVersion": 3,
        "vendorListVersion": 178,
        "lastUpdated": "2026-09-24T16:00:00Z",
        "purposes": {"1": {"id": 1}, "2": {"id": 2}},
        "vendors": {
            "8": {"id": 8, "name": "x", "purposes": [1], "legIntPurposes": [2], "flexiblePurposes": [2]},
            "9": {"id": 9, "purposes": [1], "deletedDate": "2020-06-28T00:00:00Z"},
            "10": {"id": 10, "purposes": [1], "deletedDate": "2020-06-28"},
        },
    }
    known = read_vendor_list(document)
    assert (known.version, known.purposes, sorted(known.vendors)) == (178, (1, 2), [8, 9, 10])
    assert known.vendors[8] == Vendor(8, frozenset({1}), frozenset({2}), frozenset({2}))
    assert known.vendors[9].deleted_ms == known.vendors[10].deleted_ms == parse_rfc3339("2020-06-28T00:00:00Z")
    assert known.age_days(parse_rfc3339("2026-10-04T16:00:00Z")) == 10


@pytest.mark.parametrize("document", [{}, [], None, {"vendors": {"x": {}}}, {"vendors": {"1": {"purposes": ["a"]}}}])
def test_what_is_no_list_is_refused(document: object) -> None:
    with pytest.raises(VendorListError, match="vendor list"):
        read_vendor_list(document)
