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
    ("meta", "phone", "+0048 601 234 567", "48601234567"),
    ("meta", "phone", "\u202a+48 601 234 567\u202c", "48601234567"),
    ("meta", "phone", "+٤٨ ٦٠١ ٢٣٤ ٥٦٧", "48601234567"),
    ("meta", "phone", "\uff0b\uff14\uff18 601 234 567", "48601234567"),
    ("meta", "phone", "+1 650 253 0000 ext. 12", "16502530000"),
    ("meta", "phone", "601 234", None),
    ("meta", "email", "\ufeffanna@exa\u00admple.com\u200b", "anna@example.com"),
    ("meta", "email", "\xa0anna@żółw.pl\u3000", "anna@żółw.pl"),
    ("meta", "email", "<anna@example.com>", None),
    ("meta", "email", "anna@example.com,", None),
    ("meta", "email", "anna@example.com.", None),
    ("meta", "email", "an\x00na@example.com", None),
    ("meta", "date_of_birth", "2/16/1997", "19970216"),  # the page's own example
    ("meta", "date_of_birth", "16.02.1997", "19970216"),
    ("meta", "date_of_birth", "1997-2-6", "19970206"),
    ("meta", "date_of_birth", "02/03/1997", None),
    ("meta", "date_of_birth", "31/31/1997", None),
    ("meta", "country", "United States", "us"),
    ("meta", "country", "Atlantis", None),
    ("meta", "country", "001", None),
    ("meta", "user_id", " AbC ", "AbC"),
    # Google: dots count everywhere but at gmail; E.164 keeps its plus; places in clear.
    ("google", "email", "J.o.e+x@Gmail.com", "joe@gmail.com"),
    ("google", "email", "Cloudy.SanFrancisco+shopping@googlemail.com", "cloudysanfrancisco@googlemail.com"),
    ("google", "email", "user.name+NYC@Example.com", "user.name+nyc@example.com"),
    ("google", "email", "...+x@gmail.com", None),
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
    ("snapchat", "phone", "0601 234 567", "48601234567"),  # "if the number itself begins with a 0 …"
    ("snapchat", "phone", "+44 844 412 4653", "448444124653"),
    ("snapchat", "country", "Polska", "pl"),
    ("pinterest", "country", "Poland", None),
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
    # Reddit, Conversions API, "Hashing"; Meta and Snap, their pages on parameters of the customer.
    reddit = PLATFORMS["reddit"].normalise("email", "Al.ice$+Apple@Example.Com")
    assert reddit.hash == "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"
    phone = meta.digest("phone", "(650) 555-1212", default_region="US")
    assert phone == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    published = {
        ("meta", "email", "John_Smith@gmail.com"): "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
        ("meta", "first_name", "Mary"): "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",
        ("meta", "first_name", "정"): "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14",
        ("meta", "first_name", "Valéry"): "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c",
        ("snapchat", "email", "Person@Example.com"): "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345",
        ("snapchat", "phone", "+44 844 412 4653"): "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383",
        ("snapchat", "first_name", "Raphaël"): "e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7",
    }
    for (platform, field, raw), digest in published.items():
        assert PLATFORMS[platform].normalise(field, raw).hash == digest, (platform, field, raw)


def test_what_google_leaves_open_is_a_choice() -> None:
    keep = Context(choices={"google_gmail_plus": "keep"})
    assert PLATFORMS["google"].normalise("email", "a.b+c@gmail.com", keep).normalized == "ab+c@gmail.com"


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
