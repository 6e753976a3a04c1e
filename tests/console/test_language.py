"""Two languages, both complete: nothing untranslated, nothing stale, plurals and numbers as they are written."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import messages

from rekindle.audiences import Why
from rekindle.console.language import LANGUAGES, Format, choose, translations
from rekindle.console.words import words_of
from rekindle.feeds.channel import channel, channels
from rekindle.feeds.checks import compile_checks
from rekindle.model.findings import FINDINGS
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.reasons import REASONS

OTHERS = sorted(set(LANGUAGES) - {"en"})


def test_the_template_is_up_to_date() -> None:
    assert messages.TEMPLATE.read_text(encoding="utf-8") == messages.text(messages.extract()), (
        "run `python -m tools.messages` and translate what is new"
    )


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    catalogue = messages.merged(language, messages.extract())
    missing = []
    for message in catalogue:
        strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        if not message.id:
            continue  # the header
        if not all(strings):
            missing.append(message.id)
        for string in strings:
            names = re.findall(r"%\((\w+)\)", str(message.id))
            assert set(re.findall(r"%\((\w+)\)", string or "")) <= set(names), message.id
            assert "%" not in re.sub(r"%\(\w+\)[sd]", "", string or "").replace("%%", ""), message.id
    assert not missing
    assert messages.catalogue(language).read_text(encoding="utf-8") == messages.text(catalogue)


def test_polish_has_three_plural_forms() -> None:
    words = words_of("pl")
    assert [words.refused("filtered", count) for count in (1, 3, 5, 22, 112)] == [
        "1 odfiltrowane", "3 odfiltrowane", "5 odfiltrowanych", "22 odfiltrowane", "112 odfiltrowanych",
    ]  # fmt: skip
    assert words.length("14d") == "14 dni"
    assert words.length("1h") == "1 godzina"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: str) -> None:
    words = words_of(language)
    for code in (*Reason, *Why, "unknown", "excluded", "removed", "case", "prefix", "absent", "no-purpose-consent"):
        assert code in REASONS
        assert words.reason(code)
    for outcome in Outcome:
        assert words.outcome(outcome)
        assert words.tone(outcome) in ("good", "warn", "bad", "idle")
    assert words.reason("never-heard-of") == "never-heard-of"


def test_every_finding_of_every_channel_has_words() -> None:
    codes = {check.code for name in channels() for check in compile_checks(channel(name).spec)} | {"duplicate-id"}
    assert len(codes) > 30
    assert codes - FINDINGS.keys() == set(), "say in model/findings.py what it means"
    polish, english = words_of("pl"), words_of("en")
    assert polish.finding("missing") == "brakuje wartości"
    assert polish.finding_remedy("missing").startswith("Uzupełnij")
    assert english.finding_remedy("missing") == "", "the finding's own is English, and says more"
    assert polish.finding("of-another") == "of-another"


def test_numbers_and_times_follow_the_language() -> None:
    english, polish = Format("en"), Format("pl")
    assert english.number(1234567) == "1,234,567"
    assert polish.number(1234567) == "1\u00a0234\u00a0567"
    assert english.time(1_788_000_000_000) == "29 Aug 2026, 10:40:00 UTC"
    assert polish.time(1_788_000_000_000) == "29 sie 2026, 10:40:00 UTC"
    assert english.percent(0.9999) == "99.9%"  # rounded down: 100 % means all
    assert english.percent(1) == "100%"
    assert english.money(Decimal("1234.5"), "PLN") == "PLN\u00a01,234.50"
    assert english.money(Decimal("49.905"), "EUR") == "€49.905", "what differs by half a cent must not look the same"
    assert polish.money(Decimal("1234.5"), "PLN") == "1\u00a0234,50\u00a0zł"
    assert polish.price("49.9 PLN") == "49,90\u00a0zł"
    assert english.price("ask us") == "ask us"


@pytest.mark.parametrize(
    ("chosen", "accepted", "expected"),
    [
        (None, "pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        (None, "de,en;q=0.1,pl;q=0.5", "pl"),
        ("en", "pl", "en"),
        ("xx", "pl", "pl"),
        (None, "de", "en"),
        (None, "pl;q=0, en;q=0.1", "en"),
        (None, "", "en"),
    ],
)
def test_the_language_is_chosen(chosen: str | None, accepted: str, expected: str) -> None:
    assert choose(chosen, accepted) == expected


@given(st.text())
def test_any_header_gives_a_language(accepted: str) -> None:
    assert choose(None, accepted) in LANGUAGES


def test_an_unknown_language_is_english() -> None:
    assert translations("xx").gettext("Log in") == "Log in"
