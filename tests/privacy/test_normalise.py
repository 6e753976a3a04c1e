"""Identifiers: each platform's own rules, its published digests, and no hash of nothing or of a hash."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.privacy.normalise import PLATFORMS, Context, meta

PL = Context(default_region="PL")
CASES = [
    # Meta: letters of every script stay, punctuation and (in places) spaces go.
    ("meta", "email", " Joe.Smith+x@Example.COM ", "joe.smith+x@example.com"),
    ("meta", "phone", "+49 (0)30 901820", "4930901820"),
    ("meta", "phone", "0048 601 234 567", "48601234567"),
    ("meta", "phone", "601-234-567", "48601234567"),
    ("meta", "first_name", "Łucja", "łucja"),
    ("meta", "last_name", "O'Connor-Müßig", "oconnormüßig"),
    ("meta", "city", "São Paulo", "sãopaulo"),
    ("meta", "city", "Sa\u0303o Paulo", "sãopaulo"),
    ("meta", "region", "California", "ca"),
    ("meta", "region", "mazowieckie", "mazowieckie"),
    ("meta", "postal_code", "SW1A 1AA", "sw1a1aa"),
    ("meta", "postal_code", "94035-1234", "94035"),
    ("meta", "postal_code", "00-950", "00950"),
    ("meta", "country", "PL", "pl"),
    ("meta", "date_of_birth", "1990-05-06", "19900506"),
    ("meta", "gender", "Female", "f"),
    ("meta", "user_id", " AbC ", "AbC"),
    # Google: dots count everywhere but at gmail; E.164 keeps its plus; places in clear.
    ("google", "email", "J.o.e+x@Gmail.com", "joe+x@gmail.com"),
    ("google", "email", "j.o.e@googlemail.com", "joe@googlemail.com"),
    ("google", "email", "j.o.e@gmail.de", "j.o.e@gmail.de"),
    ("google", "phone", "601234567", "+48601234567"),
    ("google", "first_name", "Dr. Anna", "anna"),
    ("google", "last_name", "King Jr.", "king"),
    ("google", "country", "pl", "PL"),
    ("google", "postal_code", " 00-950 ", "00-950"),
    ("tiktok", "phone", "601234567", "+48601234567"),
    ("tiktok", "city", "Łódź", "łódź"),
    ("pinterest", "phone", "601234567", "48601234567"),
    ("pinterest", "postal_code", "00-950", "00950"),
    ("pinterest", "gender", "non-binary", "n"),
    ("pinterest", "first_name", "Mary Ann", "maryann"),
    ("snapchat", "first_name", "Raphaël", "raphaël"),
    ("snapchat", "phone", "0601 234 567", None),
    ("microsoft", "email", "J.oe+x@example.com", "joe@example.com"),
    ("reddit", "email", "Al.ice$+Apple@Example.Com", "alice@example.com"),
    ("reddit", "phone", "601234567", "+48601234567"),
    ("criteo", "email", " A@B.co", "a@b.co"),
    ("linkedin", "first_name", " Anna ", "Anna"),
]


@pytest.mark.parametrize(("platform", "field", "raw", "expected"), CASES)
def test_each_platform_has_its_own_rules(platform: str, field: str, raw: str, expected: str | None) -> None:
    answer = PLATFORMS[platform].normalise(field, raw, PL)
    assert answer.normalized == expected
    assert (answer.verdict == "ok") == (expected is not None)
    if answer.hash is not None:
        assert answer.hash == hashlib.sha256(answer.normalized.encode()).hexdigest()  # type: ignore[union-attr]


def test_published_digests() -> None:
    # Reddit, Conversions API, "Hashing"; Meta, "Customer information parameters" (phone of the example).
    reddit = PLATFORMS["reddit"].normalise("email", "Al.ice$+Apple@Example.Com")
    assert reddit.hash == "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"
    phone = meta.digest("phone", "(650) 555-1212", default_region="US")
    assert phone == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"


def test_what_google_leaves_open_is_a_choice() -> None:
    cut = Context(choices={"google_gmail_plus": "cut"})
    assert PLATFORMS["google"].normalise("email", "a.b+c@gmail.com", cut).normalized == "ab@gmail.com"


def test_criteo_gets_three_hashes() -> None:
    answer = PLATFORMS["criteo"].normalise("email", "a@b.co")
    md5 = hashlib.md5(b"a@b.co").hexdigest()
    assert answer.hashes == {
        "md5": md5,
        "sha256": hashlib.sha256(b"a@b.co").hexdigest(),
        "sha256_md5": hashlib.sha256(md5.encode()).hexdigest(),
    }


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("raw", ["", "   ", "\t", "null", "undefined", "None", hashlib.sha256(b"").hexdigest().upper()])
def test_nothing_is_never_hashed(platform: str, raw: str) -> None:
    for field in PLATFORMS[platform].fields:
        answer = PLATFORMS[platform].normalise(field, raw)
        if answer.verdict == "ok":
            assert answer.hash is None, field  # only what goes in clear may look like a hash


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_hash_is_not_hashed_again(platform: str) -> None:
    digest = hashlib.sha256(b"a@b.co").hexdigest()
    assert PLATFORMS[platform].normalise("email", digest.upper()).hash == digest


@pytest.mark.parametrize("raw", ["anna", "@example.com", "anna@", "anna@example", "a b@example.com", "a@b@c.de"])
def test_what_is_no_address_is_refused(raw: str) -> None:
    for platform in PLATFORMS.values():
        assert platform.normalise("email", raw).verdict == "reject"


@pytest.mark.parametrize("raw", ["123", "+48 123", "abcdefghij", "+999 123 456 789", "1" * 40])
def test_what_is_no_number_is_refused(raw: str) -> None:
    assert meta.PLATFORM.normalise("phone", raw, PL).verdict == "reject"


@pytest.mark.parametrize("raw", ["06/05/1990", "1990-13-01", "1990-02-30", "18000101", "90-05-06"])
def test_ambiguous_or_impossible_dates_are_refused(raw: str) -> None:
    assert meta.PLATFORM.normalise("date_of_birth", raw).verdict == "reject"


def test_a_field_the_platform_does_not_take_is_refused() -> None:
    assert PLATFORMS["google"].normalise("city", "Berlin").reason == "field-not-accepted"


@given(st.sampled_from(sorted(PLATFORMS)), st.text(max_size=40), st.sampled_from(["PL", "US", "DE", None]))
def test_any_text_gives_an_answer_without_the_value_in_its_reason(platform: str, raw: str, region: str | None) -> None:
    for field in PLATFORMS[platform].fields:
        answer = PLATFORMS[platform].normalise(field, raw, Context(default_region=region))
        if answer.verdict == "reject":
            assert (answer.normalized, answer.hash) == (None, None)
            assert re.fullmatch(r"[a-z0-9-]+", answer.reason or "")
        else:
            assert answer.normalized
            assert answer.hash is None or re.fullmatch(r"[0-9a-f]{64}", answer.hash)
