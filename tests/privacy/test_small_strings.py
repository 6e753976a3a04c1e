"""US Privacy, Google's AC, gcs and gcd, and Sec-GPC."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.privacy.consent import DECODERS, read_ac, read_gcd, read_gcs, read_gpc, read_usp


@pytest.mark.parametrize(
    ("kind", "string", "verdict"),
    [
        ("usp", "1YNN", "valid"),
        ("usp", "1---", "valid"),
        ("usp", "1YYY", "valid"),
        ("usp", "", "absent"),
        ("usp", "2YNN", "unsupported_version"),
        ("usp", "1yNN", "malformed"),
        ("usp", "1YN", "malformed"),
        ("usp", "1YNNN", "malformed"),
        ("usp", "XYNN", "malformed"),
        ("usp", "1YN\u0143", "malformed"),
        ("ac", "2~1.35.41~dv.9.21", "valid"),
        ("ac", "2~~dv.", "valid"),
        ("ac", "1~1.35", "valid"),
        ("ac", "1~", "valid"),
        ("ac", None, "absent"),
        ("ac", "3~1~dv.", "unsupported_version"),
        ("ac", "2~1.35", "malformed"),
        ("ac", "1~1~dv.2", "malformed"),
        ("ac", "2~1..35~dv.", "malformed"),
        ("ac", "2~1.x~dv.", "malformed"),
        ("ac", "2~01~dv.", "malformed"),
        ("ac", "2~1.1~dv.", "malformed"),
        ("ac", "2~1.35~9.21", "malformed"),
        ("ac", "~1", "malformed"),
        ("ac", "89", "malformed"),
        ("gcs", "G111", "valid"),
        ("gcs", "G1--", "valid"),
        ("gcs", "G2 1", "unsupported_version"),
        ("gcs", "G11", "malformed"),
        ("gcs", "G112", "malformed"),
        ("gcs", "H111", "malformed"),
        ("gcd", "11l1l1l1l5", "valid"),
        ("gcd", "13r3r3q3v5", "valid"),
        ("gcd", "11z1l1l1l5", "malformed"),
        ("gcd", "11l1l1l5", "malformed"),
        ("gcd", "21l1l1l1l5", "malformed"),
        ("gpc_header", "1", "signal"),
        ("gpc_header", "0", "no_signal"),
        ("gpc_header", "true", "no_signal"),
        ("gpc_header", None, "absent"),
    ],
)
def test_verdicts(kind: str, string: str | None, verdict: str) -> None:
    reading = DECODERS[kind](string)
    assert reading.verdict == verdict
    assert (reading.facts is not None) == (verdict in {"valid", "signal"})
    assert (reading.reason is None) == (verdict in {"valid", "signal"})


@given(st.sampled_from(sorted(DECODERS)), st.none() | st.text(max_size=30))
def test_nothing_raises(kind: str, string: str | None) -> None:
    assert DECODERS[kind](string).verdict


def test_us_privacy_facts() -> None:
    assert read_usp("1YN-").facts == {"version": 1, "notice": "Y", "opt_out_sale": "N", "lspa_covered": "-"}


def test_additional_consent_facts() -> None:
    assert read_ac("2~89.3~dv.9").facts == {"version": 2, "consented": [3, 89], "disclosed": [9]}
    assert read_ac("1~89").facts == {"version": 1, "consented": [89]}


LETTERS: dict[str, Any] = {
    "l": None, "m": "denied", "n": "granted", "p": "denied", "q": "denied", "r": "granted", "t": "granted",
    "u": "denied", "v": "granted",
}  # fmt: skip


@pytest.mark.parametrize("letter", LETTERS)
def test_gcd_letters(letter: str) -> None:
    facts = read_gcd(f"11l1{letter}1l1l5").facts
    assert facts == {
        "ad_storage": None,
        "analytics_storage": LETTERS[letter],
        "ad_user_data": None,
        "ad_personalization": None,
    }


def test_gcs_facts() -> None:
    assert read_gcs("G10-").facts == {"ad_storage": "denied", "analytics_storage": None}


def test_gpc_facts() -> None:
    assert read_gpc("1").facts == {"gpc": True}
