"""Google's taxonomy: what is in it, what lies below what, and which category a shop's own may be."""

from __future__ import annotations

import tomllib
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import taxonomy as tool

from rekindle.feeds import ConditionError, NoTaxonomy, _sql, categories, category_rule, compile_feed, taxonomy
from rekindle.feeds.conditions import compile_condition
from rekindle.feeds.taxonomy.proposing import propose
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import Shelf, product

GOOGLE = taxonomy.google()


def test_a_category_is_known_by_number_and_by_path_in_both_languages() -> None:
    shoes = GOOGLE.find("187")
    assert shoes is not None
    assert shoes.paths == {"en": "Apparel & Accessories > Shoes", "pl": "Ubrania i akcesoria > Buty"}
    assert shoes is GOOGLE.find(shoes.paths["en"]) is GOOGLE.find(shoes.paths["pl"])
    assert GOOGLE.find("Shoes") is None
    assert GOOGLE.find("apparel & accessories > shoes") is None, "platforms compare byte for byte"


@given(st.sampled_from(sorted(GOOGLE.categories)), st.sampled_from(sorted(GOOGLE.categories)))
def test_what_lies_below_is_what_the_path_says(top: int, number: int) -> None:
    first, last = GOOGLE.below(top)
    places = {spelling: place for place, spelling in enumerate(GOOGLE.spellings())}
    above, category = GOOGLE.categories[top], GOOGLE.categories[number]
    below = f"{category.paths['en']} > ".startswith(f"{above.paths['en']} > ")
    for spelling in (str(number), *category.paths.values()):
        assert (first <= places[spelling] <= last) == below


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return _sql.connect()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("166", True),
        ("212", True),
        ("Apparel & Accessories > Clothing > Dresses", True),
        ("Ubrania i akcesoria > Ubrania > Sukienki", True),
        ("436", False),
        ("Furniture", False),
        ("Dresses", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("asked", ["166", "'Apparel & Accessories'", "'Ubrania i akcesoria'"])
def test_a_condition_asks_for_everything_below(
    engine: duckdb.DuckDBPyConnection, value: str | None, expected: bool, asked: str
) -> None:
    condition = compile_condition(f"google_product_category below {asked}", lambda _name: "value")
    assert engine.execute(f"SELECT {condition} FROM (SELECT CAST(? AS VARCHAR) AS value)", [value]).fetchone() == (
        expected,
    )


@pytest.mark.parametrize("asked", ["", "'Shoes'", "99999999", "brand"])
def test_a_condition_names_a_category_that_is_none(asked: str) -> None:
    with pytest.raises(ConditionError, match=r"where a category of Google's taxonomy, such as 166"):
        compile_condition(f"google_product_category below {asked}", lambda _name: "value")


@pytest.mark.parametrize(
    ("own", "number"),
    [
        ("Biżuteria > Kolczyki", 194),
        ("Odzież damska > Sukienki > Maxi", 2271),
        ("Zwierzęta / Psy / Karma dla psów", 3530),
        ("Laptopy", 328),
        ("Furniture | Sofas", 460),
        ("Media » Books", 784),
        ("Running shoes", 187),
    ],
)
def test_the_likeliest_category_is_proposed_first(own: str, number: int) -> None:
    best = propose(own)[0]
    assert best.category.number == number
    assert 0.35 <= best.likeness <= 1.0001


@pytest.mark.parametrize("own", ["", "xyzzy", " > / ", "!!!", "123 456"])
def test_nothing_is_proposed_where_no_word_is_alike(own: str) -> None:
    assert propose(own) == []


@given(st.text(max_size=80))
def test_any_text_can_be_asked_about(own: str) -> None:
    found = propose(own)
    assert len(found) <= 3
    assert [each.likeness for each in found] == sorted((each.likeness for each in found), reverse=True) or len(
        found
    ) > 1


def test_a_shop_sees_what_has_no_category_and_gets_a_rule_for_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    snapshot = shelf.put(
        product("a", product_type="Odzież > Sukienki"),
        product("b", product_type="Odzież > Sukienki"),
        product("c", product_type='Buty "premium"', google_category="187"),
        product("d", product_type="Laptopy", google_category="Computers"),
        product("e", product_type="", availability="out_of_stock"),
        product("f", product_type="Kubki"),
    )
    feed = Feed(
        channel="google_merchant",
        rule=[
            FeedRule(do="exclude", when="availability = 'out_of_stock'"),
            FeedRule(do="category", attribute="google_product_category", table={"Kubki": "2169"}),
        ],
    )
    found = {each.name: each for each in categories(snapshot, feed, "pl")}
    assert {name: (each.items, each.unknown, each.sent) for name, each in found.items()} == {
        "Odzież > Sukienki": (2, 2, None),
        "Laptopy": (1, 1, "Computers"),
        'Buty "premium"': (1, 0, "187"),
        "Kubki": (1, 0, "2169"),
    }
    assert next(iter(found)) == "Odzież > Sukienki", "what has most items without a category comes first"
    best = found["Odzież > Sukienki"].proposed[0]
    assert (best.number, best.local) == (2271, "Ubrania i akcesoria > Ubrania > Sukienki")
    assert found["Kubki"].proposed == ()

    (table,) = tomllib.loads(category_rule(list(found.values())))["rule"]
    assert table["table"] == {"Odzież > Sukienki": "2271", "Laptopy": "328"}
    mapped = Feed(channel="google_merchant", rule=[*feed.rule, FeedRule(**table)])
    compile_feed(mapped)
    assert all(each.unknown == 0 for each in categories(snapshot, mapped))


def test_a_channel_without_the_taxonomy_says_so(tmp_path: Path) -> None:
    snapshot = Shelf(tmp_path).put(product("a"))
    with pytest.raises(NoTaxonomy, match="ceneo takes no google_product_category"):
        categories(snapshot, Feed(channel="ceneo"))


def test_the_table_is_written_from_the_files_that_google_publishes(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text(
        "# Google_Product_Taxonomy_Version: 2021-09-21\n1 - Animals\n5 - Animals > Cats\n4 - Animals > Cats > Toys\n9 - Art\n"
    )
    (tmp_path / "pl.txt").write_text(
        "# Google_Product_Taxonomy_Version: 2015-02-19\n1 - Zwierzęta\n4 - Zwierzęta > Koty > Zabawki\n"
    )
    made = taxonomy.Taxonomy(tool.table(tmp_path / "en.txt", tmp_path / "pl.txt"))
    assert made.version == "English 2021-09-21, Polish 2015-02-19"
    assert made.categories[4].above == (1, 5)
    assert made.categories[4].paths == {"en": "Animals > Cats > Toys"}, "a path needs every name above in its language"
    assert made.categories[1].path("pl") == "Zwierzęta"
    assert made.categories[9].path("pl") == "Art"
