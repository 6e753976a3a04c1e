"""Rules: each operation, their order, and what each made of a value."""

from __future__ import annotations

import csv
import io

import pytest

from rekindle.feeds import RuleError, UnknownItem, compile_feed, explain
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import product, published, shop


def rows(builder, blobs, *rules: FeedRule) -> list[dict[str, str]]:
    version = builder.build(shop(main=Feed(channel="meta", rule=list(rules))), "main")
    return list(csv.DictReader(io.StringIO(published(blobs, version).decode())))


def test_each_operation_in_order(builder, blobs, shelf) -> None:
    shelf.put(
        product("A", color="czerwony", attributes={"Kolekcja zima": "tak"}),
        product("B", color="blue", quantity=0),
        product("C", brand=None, title="Old  stock"),
    )
    a, c = rows(
        builder, blobs,
        FeedRule(do="exclude", when="quantity = 0"),
        FeedRule(do="default", attribute="brand", value="Noname"),
        FeedRule(do="replace", attribute="title", find=r"(?i)sofa (\w+)", value=r"\1 for sofas"),
        FeedRule(do="template", attribute="title", value="{brand} – {title} {size}"),
        FeedRule(do="lookup", attribute="color", table={"czerwony": "red", "it's": "x"}),
        FeedRule(do="set", attribute="custom_label_0", value="winter", when="source.'Kolekcja zima' = 'tak'"),
        FeedRule(do="set", attribute="product_type", value=""),
    )  # fmt: skip
    assert a["title"] == "Dagra – cover for sofas A"
    assert (a["color"], a["custom_label_0"], a["brand"]) == ("red", "winter", "Dagra")
    assert (c["id"], c["title"], c["brand"]) == ("C", "Noname – Old stock", "Noname")
    assert "product_type" not in a


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (FeedRule(do="exclude"), r"rule 1 \(exclude\): `when` is missing"),
        (FeedRule(do="set", value="x"), "`attribute` is missing"),
        (FeedRule(do="set", attribute="colour", value="x"), "'colour' is no attribute of meta"),
        (FeedRule(do="template", attribute="title", value="{brnd}"), "'brnd' is no attribute"),
        (FeedRule(do="replace", attribute="title", find="(", value=""), "no RE2 expression"),
        (FeedRule(do="lookup", attribute="title"), "`table` is empty"),
        (FeedRule(do="set", attribute="title", value="x", when="price >"), r"rule 1 \(set title\): character 8"),
        (FeedRule(do="set", attribute="title", value="a\x00b"), "control character"),
    ],
)
def test_a_faulty_rule_is_named(rule: FeedRule, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        compile_feed(Feed(channel="meta", rule=[rule]))


def test_values_of_rules_are_data(builder, blobs, shelf) -> None:
    shelf.put(product("A"))
    nasty = "x'); DROP TABLE item; --"
    (row,) = rows(builder, blobs, FeedRule(do="set", attribute="brand", value=nasty),
                  FeedRule(do="lookup", attribute="brand", table={nasty: nasty + "'"}))  # fmt: skip
    assert row["brand"] == nasty + "'"


def test_explain_follows_a_value(shelf) -> None:
    snapshot = shelf.put(product("A", brand="Dagra "), product("B"))
    feed = Feed(
        channel="google_merchant",
        rule=[
            FeedRule(do="template", attribute="title", value="{brand} {title}"),
            FeedRule(do="set", attribute="color", value="red"),
            FeedRule(do="replace", attribute="title", find="Sofa", value="S" * 160),
            FeedRule(do="exclude", when="source.id = 'B'"),
        ],
    )
    told = explain(snapshot, feed, "A", "title")
    assert (told.source, told.row, told.outcome) == ("main", 1, "published")
    assert [step.stage.split(":")[0] for step in told.steps] == [
        "from the product", "rule 1 (template title)", "rule 3 (replace title)", "check too-long (limit)",
    ]  # fmt: skip
    assert told.steps[1].value == "Dagra Sofa cover A"
    assert told.value is not None
    assert len(told.value) == 150
    assert explain(snapshot, feed, "B", "title").outcome == "excluded by rule 4"
    with pytest.raises(UnknownItem, match="'a'"):
        explain(snapshot, feed, "a", "title")
