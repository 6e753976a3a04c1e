"""GPP strings: the specification's examples, the reference encoder's sections, and every value that is undefined."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.privacy.consent import read_gpp
from rekindle.privacy.consent._us_layouts import LAYOUTS, Layout
from rekindle.privacy.consent.us_section import did_not_opt_out, opted_out
from tests.privacy import encode
from tests.privacy.encode import gpp_header, us_core

TC = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
OLD = [layout for versions in LAYOUTS.values() for layout in versions.values() if not layout.headed]


@pytest.mark.parametrize(
    ("string", "ids"),
    [
        (f"DBABMA~{TC}", [2]),  # GPP, Consent String Specification, examples
        (f"DBACNYA~{TC}~1YNN", [2, 6]),
        (f"DBACNY~{TC}~1YNN", [2, 6]),
        ("DBABLA~CAAQAAAAAABA.QA", [7]),  # @iabgpp/cmpapi 3.2.0
        ("DBABzw~1-N-~CAAgAAAAAABA.QA", [6, 7]),
        ("DBABBg~BAQAAABA.YA", [8]),
        ("DBABVg~BAQAAAEA.YA", [12]),
        ("DBABEYA~BQBA.YA", [24]),
        ("DBABCYA~BQBA.AAA", [26]),
    ],
)
def test_published_strings(string: str, ids: list[int]) -> None:
    facts = read_gpp(string).facts
    assert facts is not None
    assert facts["section_ids"] == ids
    assert len(facts["sections"]) == len(ids)


def test_sale_opt_out_and_gpc_of_the_reference_encoder() -> None:
    facts = read_gpp("DBABBg~BAQAAABA.YA").facts
    assert facts is not None
    assert facts["sections"]["usca"]["SaleOptOut"] == 1
    assert facts["sections"]["usca"]["Gpc"] is True


def test_headers_of_the_specification() -> None:
    assert gpp_header([2]) == "DBABM"
    assert gpp_header([2, 6]) == "DBACNY"
    assert gpp_header([5, 6]) == "DBABjw"


def width(layout: Layout) -> int:
    return sum(count or 1 for _name, _bits, count in layout.core[1:])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(OLD), st.data())
def test_every_us_section_is_read_as_it_was_written(layout: Layout, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, 2), min_size=width(layout), max_size=width(layout)))
    gpc = data.draw(st.sampled_from([None, False, True])) if layout.gpc else None
    section = us_core(layout.version, values)
    if gpc is not None:
        section += "." + encode.text("01" + ("1" if gpc else "0"))
    reading = read_gpp(f"{gpp_header([layout.section])}~{section}")
    assert reading.facts is not None, reading.reason
    read = dict(reading.facts["sections"][layout.name])
    assert read.pop("Gpc", None) == gpc
    flat: list[int] = []
    for value in list(read.values())[1:]:
        flat.extend(value if isinstance(value, list) else [value])
    assert flat == values
    assert list(read)[1:] == [name for name, _bits, _count in layout.core[1:]]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(OLD), st.data())
def test_an_undefined_value_refuses_the_string(layout: Layout, data: st.DataObject) -> None:
    values = [0] * width(layout)
    values[data.draw(st.integers(0, len(values) - 1))] = 3
    reading = read_gpp(f"{gpp_header([layout.section])}~{us_core(layout.version, values)}")
    assert reading.verdict == "malformed"
    assert "undefined value 3" in (reading.reason or "")


GOOD = "DBABLA~CAAQAAAAAABA.QA"


@pytest.mark.parametrize(
    ("string", "verdict"),
    [
        (None, "absent"),
        ("", "absent"),
        ("DBABLA", "malformed"),  # no section
        (GOOD + "~1YNN", "malformed"),  # one too many
        (GOOD + "~", "malformed"),
        ("DBABLA~", "malformed"),
        (gpp_header([7], kind=4) + "~CAAQAAAAAABA", "malformed"),
        (gpp_header([7], version=2) + "~CAAQAAAAAABA", "unsupported_version"),
        (gpp_header([28]) + "~CAAQAAAAAABA", "unsupported_version"),
        (gpp_header([5]) + "~CAAQAAAAAABA", "unsupported_version"),
        (gpp_header([64]) + "~CAAQAAAAAABA", "malformed"),
        (gpp_header([7]) + "~" + us_core(3, [0] * 32), "unsupported_version"),
        (gpp_header([6]) + "~2YNN", "unsupported_version"),
        (gpp_header([6]) + "~1YN", "malformed"),
        (gpp_header([2]) + "~C", "malformed"),
        ("DBABLA~CAAQAAAAAABA.QA.QA", "malformed"),
        ("DBABLA~CAAQAAAAAABA.gA", "malformed"),  # second segment of type 2
        (gpp_header([9]) + "~" + us_core(1, [0] * 17) + ".YA", "malformed"),  # Virginia has no GPC segment
        ("DBAB" + "A" * 10 + "~1YNN", "malformed"),  # a Fibonacci number that does not end
        ("D", "malformed"),
    ],
)
def test_what_is_wrong_is_refused(string: str | None, verdict: str) -> None:
    reading = read_gpp(string)
    assert reading.verdict == verdict, reading.reason
    assert reading.facts is None


def test_the_newer_states_with_and_without_section_header() -> None:
    core = encode.text(encode.number(1, 6) + "01" + "00" + "01" * 3 + "01" + "10" + "00" + "10")
    for header in ("", encode.text(encode.number(26, 6) + encode.number(1, 6) + encode.number(0, 12)) + "."):
        facts = read_gpp(f"{gpp_header([26])}~{header}{core}").facts
        assert facts is not None
        assert facts["sections"]["usky"]["SaleOptOut"] == 1
        assert facts["sections"]["usky"]["TargetedAdvertisingOptOut"] == 2


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([GOOD, f"DBACNYA~{TC}~1YNN", "DBABCYA~BQBA.AAA"]))
def test_any_mutation_is_read_or_refused(seed: int, string: str) -> None:
    chance = random.Random(seed)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(string))
        string = string[:place] + chance.choice(encode.ALPHABET + ".~ ") + string[place + chance.randrange(2) :]
    reading = read_gpp(string)
    assert (reading.verdict == "valid") == (reading.facts is not None)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"SaleOptOut": 1}, "sale-opt-out"),
        ({"SharingOptOut": 1}, "sharing-opt-out"),
        ({"TargetedAdvertisingOptOut": 1}, "targeted-advertising-opt-out"),
        ({"SaleOptOut": 2, "Gpc": True}, "gpc-opt-out"),
        ({"SaleOptOut": 2, "KnownChildSensitiveDataConsents": [0, 1]}, "known-child"),
        ({"SaleOptOut": 2, "KnownChildSensitiveDataConsents": 1}, "known-child"),
        ({"SaleOptOut": 2, "KnownChildSensitiveDataConsents": 2, "Gpc": False}, None),
    ],
)
def test_opting_out(facts: dict[str, Any], reason: str | None) -> None:
    assert opted_out(facts) == reason


def test_not_applicable_is_no_choice() -> None:
    assert did_not_opt_out({"SaleOptOut": 2})
    assert not did_not_opt_out({"SaleOptOut": 0, "TargetedAdvertisingOptOut": 0})


def test_a_first_version_as_long_as_the_second_is_refused() -> None:
    first = encode.us_core(1, [1] * 6 + [2] * 3 + [0] * 12 + [0, 0] + [0] + [1, 2, 2])
    assert read_gpp(f"{encode.gpp_header([7])}~{first}").verdict == "valid"
    assert read_gpp(f"{encode.gpp_header([7])}~{first}A").verdict == "valid"  # filled up to whole bytes
    longer = read_gpp(f"{encode.gpp_header([7])}~{first}AA")
    assert (longer.verdict, longer.facts) == ("malformed", None)
