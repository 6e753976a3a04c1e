"""TC strings: what is right is read whole, everything else is refused, and nothing is granted from what was refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.model.clock import rfc3339
from rekindle.privacy.consent import parse_tcf, read_tcf
from rekindle.privacy.consent.reading import Reading
from rekindle.privacy.consent.tcf import TcString
from tests.privacy import encode
from tests.privacy.encode import ALPHABET, tcf

ids = st.lists(st.integers(1, 1500), unique=True, max_size=40).map(sorted)
purposes = st.lists(st.integers(1, 24), unique=True).map(sorted)
restrictions = st.lists(
    st.tuples(
        st.integers(1, 24),
        st.integers(0, 2),
        st.lists(st.integers(1, 900), unique=True, min_size=1, max_size=9).map(sorted),
    ),
    max_size=4,
)
strings = st.fixed_dictionaries(
    {
        "created": st.integers(0, 20_000_000_000),
        "cmp_id": st.integers(0, 4095),
        "cmp_version": st.integers(0, 4095),
        "screen": st.integers(0, 63),
        "language": st.text("ABCXYZ", min_size=2, max_size=2),
        "country": st.text("ABCXYZ", min_size=2, max_size=2),
        "list_version": st.integers(0, 4095),
        "policy": st.integers(0, 63),
        "specific": st.integers(0, 1),
        "texts": st.integers(0, 1),
        "features": st.lists(st.integers(1, 12), unique=True).map(sorted),
        "purposes": purposes,
        "purposes_li": purposes,
        "one_treatment": st.integers(0, 1),
        "vendors": ids,
        "vendors_li": ids,
        "restrictions": restrictions,
        "disclosed": st.none() | ids,
        "as_ranges": st.booleans(),
        "publisher": st.none() | st.tuples(purposes, purposes, st.just(3), st.just([2])),
    }
)


@settings(max_examples=150, deadline=None)
@given(strings)
def test_what_is_written_is_read(values: dict[str, Any]) -> None:
    reading = read_tcf(tcf(**values | {"updated": values["created"]}))
    assert reading.verdict == "valid", reading.reason
    facts = reading.facts
    assert facts is not None
    assert facts["created"] == facts["last_updated"] == rfc3339(values["created"] * 100)
    pairs = {
        "cmp_id": "cmp_id", "cmp_version": "cmp_version", "consent_screen": "screen", "publisher_cc": "country",
        "consent_language": "language", "vendor_list_version": "list_version", "tcf_policy_version": "policy",
        "is_service_specific": "specific", "use_non_standard_texts": "texts", "special_feature_optins": "features",
        "purposes_consent": "purposes", "purposes_li": "purposes_li", "purpose_one_treatment": "one_treatment",
        "vendor_consents": "vendors", "vendor_li": "vendors_li", "disclosed_vendors": "disclosed",
    }  # fmt: skip
    for fact, given_as in pairs.items():
        assert facts[fact] == values[given_as], fact
    assert facts["publisher_restrictions"] == [
        {"purpose": purpose, "type": kind, "vendors": numbers} for purpose, kind, numbers in values["restrictions"]
    ]
    assert ("pub_purposes_consent" in facts) == (values["publisher"] is not None)


@settings(max_examples=300, deadline=None)
@given(strings, st.integers(0, 2**32), st.integers(1, 3))
def test_any_mutation_is_read_or_refused_and_never_raises(values: dict[str, Any], seed: int, times: int) -> None:
    chance = random.Random(seed)
    string = tcf(**values | {"updated": values["created"]})
    for _ in range(times):
        place = chance.randrange(len(string))
        kind = chance.randrange(4)
        letter = chance.choice(ALPHABET + ".~=+ é")
        string = (
            string[:place] + letter + string[place + 1 :],
            string[:place] + string[place + 1 :],
            string[:place] + letter + string[place:],
            string[:place],
        )[kind] or "C"
    reading = read_tcf(string)
    assert (reading.verdict == "valid") == (reading.facts is not None)
    assert (reading.verdict == "valid") == (reading.reason is None)


@given(st.text(max_size=60))
def test_any_text_gets_a_verdict(string: str) -> None:
    assert read_tcf(string).verdict in {"valid", "malformed", "unsupported_version", "absent"}


# Strings written by the maintained reference encoder, @iabtechlabtcf/core 1.5.21, with what it reads from them.
REFERENCE = [
    (
        "CQuIxQAQuIxQAAfAHAENAtFgAPIAAAAAAB5YF5wAgAFALzAAAAAA.IGSQAwAFALzAZIAA.YAAAAAAAAAAA",
        {"purposes_consent": [1, 2, 3, 4, 7], "vendor_consents": [10, 755], "disclosed_vendors": [10, 755, 804]},
    ),
    (
        "CQuIxQAQuIxQAAfAHAENAtFgAIAAAEKAAB5YAAALzgAgLzABHQAQF5gA.IF5wAQF5gAAA.cgAAAAAAASAA",
        {
            "purposes_consent": [1],
            "purposes_li": [2, 7, 9],
            "vendor_li": [755],
            "publisher_restrictions": [{"purpose": 7, "type": 1, "vendors": [755]}],
            "pub_purposes_consent": [1, 4],
            "num_custom_purposes": 2,
            "custom_purposes_consent": [2],
        },
    ),
    # The specification's own example (policy version 2): well formed, and refused by the decision.
    (
        "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA",
        {"version": 2, "vendor_list_version": 15, "tcf_policy_version": 2, "disclosed_vendors": None},
    ),
]


@pytest.mark.parametrize(("string", "expected"), REFERENCE)
def test_strings_of_the_reference_encoder(string: str, expected: dict[str, Any]) -> None:
    facts = read_tcf(string).facts
    assert facts is not None
    assert {name: facts[name] for name in expected} == expected


def bits(**changes: Any) -> str:
    return encode.core_bits(encode.CORE | changes)


GOOD = tcf()
BAD = {
    "not base64url": GOOD.replace(GOOD[10], "+", 1),
    "padding character": GOOD + "=",
    "space before": " " + GOOD,
    "newline after": GOOD + "\n",
    "cut in the header": GOOD[:20],
    "only the version": "C",
    "cut in the vendors": encode.text(bits())[:42],
    "empty segment": GOOD + ".",
    "two dots": GOOD.replace(".", ".."),
    "disclosed twice": GOOD + "." + GOOD.split(".")[1],
    "segment of type 0": GOOD + "." + encode.text("000" + "0" * 17),
    "segment of type 4": GOOD + "." + encode.text("100" + "0" * 17),
    "bits behind the core": encode.text(bits() + "0" * 30),
    "padding that is not zero": encode.text(bits() + "1"),
    "language that is no letter": tcf(language="[A"),
    "country that is no letter": tcf(country="A["),
    "updated before created": tcf(updated=1),
    "restriction of type 3": tcf(restrictions=[(1, 3, [755])]),
    "restriction of purpose 0": tcf(restrictions=[(0, 1, [755])]),
    "restriction of purpose 25": tcf(restrictions=[(25, 1, [755])]),
    "vendor 0 in a range": tcf(restrictions=[(1, 1, [0])]),
    "very long": "C" * 20_001,
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_malformed(case: str) -> None:
    reading = read_tcf(BAD[case])
    assert reading.verdict == "malformed"
    assert reading.reason
    assert reading.facts is None


@pytest.mark.parametrize("version", [0, 1, 3, 63])
def test_other_versions_are_not_supported(version: int) -> None:
    assert read_tcf(tcf(version=version)).verdict == "unsupported_version"


@pytest.mark.parametrize("string", [None, "", "  "])
def test_nothing_is_absent(string: str | None) -> None:
    assert read_tcf(string).verdict == "absent"


def test_a_range_above_its_maximum_or_reversed_is_refused() -> None:
    core = bits(vendors=[], vendors_li=[])
    start = core.rindex(encode.number(0, 16) + "0" + encode.number(0, 16) + "0" + encode.number(0, 12))
    entry = "1" + encode.number(1, 12) + "0" + encode.number(6, 16)
    reversed_entry = "1" + encode.number(1, 12) + "1" + encode.number(6, 16) + encode.number(5, 16)
    for highest, written, verdict in ((6, entry, "valid"), (5, entry, "malformed"), (9, reversed_entry, "malformed")):
        changed = core[:start] + encode.number(highest, 16) + written + core[start + 17 :]
        assert read_tcf(encode.text(changed)).verdict == verdict


def test_allowed_vendors_of_the_old_kind_are_read_and_ignored() -> None:
    old = encode.text("010" + encode.vendors([3], as_ranges=False))
    assert read_tcf(f"{GOOD}.{old}") == read_tcf(GOOD)


@pytest.mark.parametrize("extra", range(24))
def test_padding_of_encoders_is_accepted(extra: int) -> None:
    whole = bits()
    filled = whole + "0" * (-len(whole) % 6)
    room = extra + len(filled) - len(whole)
    verdict = read_tcf(encode.text(whole + "0" * room)).verdict
    assert verdict == ("valid" if -(-(len(whole) + room) // 6) * 6 - len(whole) < 24 else "malformed")


def test_reasons_never_quote_the_string() -> None:
    for string in BAD.values():
        reason = read_tcf(string).reason or ""
        assert len(string) < 12 or string[:12] not in reason


def test_membership_agrees_with_the_list() -> None:
    for as_ranges in (True, False):
        parsed = parse_tcf(tcf(vendors=[2, 3, 4, 9], as_ranges=as_ranges))
        assert isinstance(parsed, TcString)
        assert [number for number in range(12) if number in parsed.vendors] == [2, 3, 4, 9]
    assert isinstance(parse_tcf("C"), Reading)
