"""Personal values in URLs, titles and search terms are cut before anything is stored; shops' own words stay."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.privacy.redact import CUT, clean_note, clean_search_term, clean_text, clean_url

PERSONAL = [
    "anna.kowalska@example.com",
    "anna+shop@example.co.uk",
    "+48 601 234 567",
    "+48601234567",
    "0048 601 234 567",
    "601-234-567",
    "(650) 555-1212",
    "4111 1111 1111 1111",
    "4111111111111111",
    "5500-0000-0000-0004",
    "44051401359",
    "PL61109010140000071219812874",
    "GB29 NWBK 6016 1331 9268 19",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV",
    "0123456789abcdef0123456789abcdef",
]
ORDINARY = [
    "Red running shoes 42",
    "iPhone 15 Pro 256 GB",
    "5901234123457",
    "SKU-1234567",
    "levis-501-original-fit-jeans-dark-blue-32x34-regular",
    "1 299,00",
    "2026-06-01",
    "300x250",
    "trousers @ home",
    "mens-waterproof-running-shoe-blue-42-2026-edition",
]


@pytest.mark.parametrize("value", PERSONAL)
def test_personal_values_are_cut_everywhere(value: str) -> None:
    bare = value.replace(" ", "")
    for cleaned in (
        clean_text(f"Results for {value} in shoes"),
        clean_text(value),
        clean_url(f"https://shop.example/search?q={quote_plus(value)}"),
        clean_url(f"https://shop.example/account/{quote(value)}/orders"),
        clean_url(f"https://shop.example/?email={quote_plus(value)}"),
        clean_url(f"https://shop.example/p#{quote(value)}"),
        clean_url(f"https://{quote(bare)}:secret@shop.example/p"),
    ):
        plain = cleaned.replace("%20", " ").replace("+", " ")
        assert value not in cleaned
        assert value.replace("+", " ").strip() not in plain
        assert "anna" not in cleaned
        assert "secret" not in cleaned


@pytest.mark.parametrize("value", ORDINARY)
def test_ordinary_words_stay(value: str) -> None:
    assert clean_text(value) == value


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/p/1?utm_source=x&gclid=abc&session=1#top", "https://shop.example/p/1?utm_source=x"),
        ("https://shop.example/", "https://shop.example/"),
        ("HTTPS://Shop.Example:8443/P", "https://shop.example:8443/P"),
        ("https://shop.example/s?q=red+shoes&page=2", "https://shop.example/s?q=red+shoes&page=2"),
        ("https://user:pass@shop.example/p", "https://shop.example/p"),
        ("https://shop.example/#/product/7?token=1", "https://shop.example/#/product/7"),
        ("/p/1?email=a@b.co", "/p/1"),
        ("javascript:alert(1)", ""),
        ("data:text/html,anna@example.com", ""),
        ("https://[broken", ""),
        ("https://shop.example:99999/", ""),
        ("", ""),
        ("https://shop.example/reset/a%2540b.co", f"https://shop.example/reset/{CUT}"),
        ("https://sklep.example/zażółć", "https://sklep.example/zażółć"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    assert clean_url(url) == expected


def test_search_terms() -> None:
    assert clean_search_term("red shoes") == "red shoes"
    assert clean_search_term("anna@example.com") is None
    assert clean_search_term("order anna@example.com") == f"order {CUT}"
    assert clean_search_term(None) is None


@given(st.text(max_size=80))
def test_cleaning_never_raises_and_is_settled_after_once(text: str) -> None:
    clean_url(text)
    once = clean_text(text)
    assert clean_text(once) == once


def test_numbers_that_stand_beside_others_are_found() -> None:
    assert clean_text("red dress size 38 80020146566") == "red dress size 38 [cut]"
    assert clean_text("iphone 15 pro 4111 1111 1111 1111") == "iphone 15 pro [cut]"
    assert clean_text("size 38, 3782 822463 10005") == "size 38, [cut]"
    assert clean_text("size 38 80020146567") == "size 38 80020146567"  # the check digit is wrong


def test_a_note_keeps_digests_and_loses_persons() -> None:
    digest = "0a" * 32
    note = clean_note(f"{digest} as anna@canary.example asked, +48 600 555 111; see {digest}")
    assert note == f"{digest} as {CUT} asked, {CUT}; see {digest}"
    assert clean_note("version 12 by jan, before 2026-11-23T10") == "version 12 by jan, before 2026-11-23T10"
    assert clean_note(f"token {'a1' * 20}") == f"token {CUT}"
    long = clean_note("word " * 100)
    assert len(long) == 200
    assert long.endswith("…")
