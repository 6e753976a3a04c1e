"""The rule of a mapping is changed in place, and a category is found by words, number or path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.feeds.category_table import entries, entry, with_entries
from rekindle.feeds.taxonomy import google, searching
from rekindle.workspace import Feed, FeedRule

OTHER = FeedRule(do="set", attribute="brand", value="Dagra")
CONDITIONAL = FeedRule(
    do="category", attribute="google_product_category", table={"A": "1"}, when="price > 10", value=None
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)


def test_the_rule_stays_where_it_is_and_others_stay_as_they_are() -> None:
    rule = FeedRule(do="category", attribute="google_product_category", table={"Shoes": "187", "Home": "536"})
    feed = Feed(channel="google_merchant", rule=[OTHER, rule, CONDITIONAL])
    changed = with_entries(feed, {"SHOES": "1604", "New": "166"})
    assert changed.rule[0] == OTHER
    assert changed.rule[2] == CONDITIONAL
    assert entries(changed) == {"Home": "536", "SHOES": "1604", "New": "166"}
    assert entry(changed, "shoes") == "1604", "rules read names without case"
    assert with_entries(feed, {"shoes": "", "home": ""}).rule == [OTHER, CONDITIONAL], "an empty table would be refused"


@given(st.dictionaries(NAMES, st.sampled_from(["", "187", "536"]), max_size=6))
def test_what_was_put_in_is_read_back(changes: dict[str, str]) -> None:
    feed = with_entries(Feed(channel="google_merchant"), changes)
    last = {}
    for name, to in changes.items():
        last[name.lower()] = to
    if len(last) == len(changes):
        assert {key.lower(): to for key, to in entries(feed).items()} == {key: to for key, to in last.items() if to}
    assert all(rule.table for rule in feed.rule)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("187", 187),
        ("187 - Shoes", 187),
        ("0187", 187),
        ("Apparel & Accessories > Shoes", 187),
        ("apparel & accessories>shoes ", 187),
        ("UBRANIA I AKCESORIA > BUTY", 187),
        ("Shoes", None),
        ("99999999", None),
        ("1871871871871", None),
        ("", None),
    ],
)
def test_what_a_person_writes_is_read(text: str, number: int | None) -> None:
    found = searching.read(text)
    assert (found.number if found else None) == number


def test_words_find_categories_in_both_languages_without_accents() -> None:
    assert searching.search("shoes", "en")[0].number == 187
    assert searching.search("buty", "en")[0].number == 187
    assert [each.number for each in searching.search("pilki nozne", "pl")] == [
        each.number for each in searching.search("Piłki nożne", "pl")
    ]
    assert searching.search("Piłki nożne", "pl")
    assert len(searching.search("a", "en", 7)) == 7
    assert searching.search(" > ", "en") == []
    assert searching.search("zxqv", "en") == []
    assert searching.search("warm winter boots for hikers", "en"), "none has all of these, and some are alike"


@given(st.sampled_from(sorted(google().categories)), st.sampled_from(["en", "pl"]))
def test_every_category_is_found_by_its_own_path(number: int, language: str) -> None:
    category = google().categories[number]
    assert searching.read(category.path(language)) == category
    assert searching.search(category.path(language), language) == [category]
