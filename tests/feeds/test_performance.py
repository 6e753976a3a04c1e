"""Rules that ask what visitors did with an item, and rules for a market of its own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.feeds import FeedBuilder, RuleError, compile_feed, explain, failed_examples, preview, recent
from rekindle.model.ports import ItemCounts
from rekindle.profiles._tables import touches
from rekindle.profiles.performance import ItemPerformance
from rekindle.workspace import Feed, FeedExample, FeedRule
from tests.feeds.conftest import product, published, shop

DAY = 86_400_000
LABEL = FeedRule(
    do="if", attribute="custom_label_0", when="performance.purchases >= 2", value="bestseller", otherwise="{performance.views} views",
    example=[
        FeedExample({"performance.purchases": "2"}, "bestseller"),
        FeedExample({"performance.purchases": "1", "performance.views": "7"}, "7 views"),
    ],
)  # fmt: skip
RATE = FeedRule(do="calculate", attribute="custom_label_1", value="round(100 * performance.carts / performance.views)")
FEED = Feed(channel="meta", rule=[LABEL, RATE])


class Counts:
    """What visitors did, as a test says."""

    def __init__(self) -> None:
        self.known: list[ItemCounts] = []
        self.asked: list[tuple[str, int]] = []

    def counts(self, workspace: str, since_ms: int) -> Iterator[ItemCounts]:
        self.asked.append((workspace, since_ms))
        return iter(self.known)


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def builder(database, blobs, shelf, clock, counts, tmp_path) -> FeedBuilder:
    return FeedBuilder(database, blobs, shelf, clock, tmp_path / "work", performance=counts)


def labels(builder: Any, blobs: Any, feed: Feed = FEED) -> dict[str, tuple[str, str]]:
    version = builder.build(shop(main=feed), "main")
    rows = csv.DictReader(io.StringIO(published(blobs, version).decode()))
    return {row["id"]: (row["custom_label_0"], row.get("custom_label_1", "")) for row in rows}


def test_a_label_from_what_visitors_did(builder, blobs, shelf, clock, counts) -> None:
    shelf.put(product("A"), product("B"), product("C"))
    counts.known = [ItemCounts("A", 10, 5, 2), ItemCounts("C", 3, 1, 0), ItemCounts("gone", 9, 9, 9)]
    assert labels(builder, blobs) == {"A": ("bestseller", "50"), "B": ("0 views", ""), "C": ("3 views", "33")}
    assert counts.asked == [("shop", clock.now_ms - 30 * DAY)]


def test_it_is_asked_again_each_day_and_only_what_changed_is_made_anew(
    builder, database, blobs, shelf, clock, counts
) -> None:
    goods = [product(f"P{number:03}") for number in range(100)]
    shelf.put(*goods)
    counts.known = [ItemCounts("P001", 10, 5, 2)]
    labels(builder, blobs)
    workspace = shop(main=FEED)
    assert not builder.due(workspace, "main")
    clock.now_ms += DAY
    assert builder.due(workspace, "main")
    counts.known = [ItemCounts("P001", 10, 5, 2), ItemCounts("P002", 1, 1, 1)]
    version = builder.build(workspace, "main")
    assert version.patch_digest is not None
    assert labels(builder, blobs)["P002"] == ("1 views", "100")
    assert not builder.due(shop(main=Feed(channel="meta")), "other")


def test_preview_explain_and_examples_know_it(shelf, clock, counts) -> None:
    snapshot = shelf.put(product("A"), product("B"))
    counts.known = [ItemCounts("A", 10, 5, 2)]
    assert failed_examples(FEED) == []
    asked = recent(FEED, counts, "shop", clock())
    found = preview(snapshot, Feed(channel="meta"), FEED, counts=asked)
    changes = {(c.id, c.attribute): c.after for c in found.difference.changes}
    assert (changes["A", "custom_label_0"], changes["B", "custom_label_0"]) == ("bestseller", "0 views")
    assert explain(snapshot, FEED, "A", "custom_label_0", recent(FEED, counts, "shop", clock())).value == "bestseller"
    assert recent(Feed(channel="meta"), None, "shop", clock()) is None
    with pytest.raises(LookupError, match="not known here"):
        recent(FEED, None, "shop", clock())


def test_an_unknown_count_is_named() -> None:
    rule = FeedRule(do="exclude", when="performance.clicks > 1")
    with pytest.raises(RuleError, match=r"'performance\.clicks' is not known; there are performance\.views"):
        compile_feed(Feed(channel="meta", rule=[rule]))


def test_visitors_are_counted_once_for_each_act(database: Database) -> None:
    rows = [
        ("shop", "ann", "A", "view", 50), ("shop", "bob", "A", "view", 60), ("shop", "bob", "A", "cart", 61),
        ("shop", "bob", "A", "purchase", 62), ("shop", "cid", "A", "view", 9), ("shop", "cid", "B", "cart", 70),
        ("shop", "cid", "B", "remove", 71), ("other", "ann", "A", "view", 80), ("shop", "ann", "", "purchase", 90),
    ]  # fmt: skip
    with database.begin() as connection:
        names = ("workspace", "subject", "item_id", "act", "at_ms")
        connection.execute(sa.insert(touches), [dict(zip(names, row, strict=True)) for row in rows])
    assert list(ItemPerformance(database).counts("shop", 10)) == [ItemCounts("A", 2, 1, 1), ItemCounts("B", 0, 1, 0)]


def test_a_market_of_its_own(builder, blobs, shelf) -> None:
    shelf.put(
        product("A", attributes={"title_de": "Bezug", "price_de": "49,90", "link:de": "https://shop.example/de/A"}),
        product("B", attributes={"price_de": "12.5 EUR", "title_de": ""}),
        product("C", price=Decimal("7"), attributes={"price_at": "1"}),
    )
    rule = FeedRule(do="market", value="de", currency="EUR", example=[
        FeedExample({"title": "Cover", "source.title_de": "Bezug"}, "Bezug"), FeedExample({"title": "Cover"}, "Cover"),
    ])  # fmt: skip
    feed = Feed(channel="meta", rule=[rule, FeedRule(do="exclude", when="not price ends with 'EUR'")])
    assert failed_examples(feed) == []
    version = builder.build(shop(main=feed), "main")
    a, b = csv.DictReader(io.StringIO(published(blobs, version).decode()))
    assert (a["title"], a["price"], a["link"]) == ("Bezug", "49.90 EUR", "https://shop.example/de/A")
    assert (b["title"], b["price"], b["link"]) == ("Sofa cover B", "12.5 EUR", "https://shop.example/B")


def test_faults_of_market_rules_are_named() -> None:
    with pytest.raises(RuleError, match="`value` is missing"):
        compile_feed(Feed(channel="meta", rule=[FeedRule(do="market")]))
    with pytest.raises(RuleError, match="'titel' is no attribute of meta"):
        compile_feed(Feed(channel="meta", rule=[FeedRule(do="market", value="de", names=["titel"])]))


@pytest.mark.parametrize("pattern", ["(?=x)", "(?<!a)b", "(a)\\1", "(?>a+)", "a++", "(?(1)a|b)", "(a"])
def test_patterns_that_could_run_for_ever_are_refused(pattern: str) -> None:
    """RE2 takes time in proportion to the text; what it cannot do so is no pattern."""
    for rule in (
        FeedRule(do="replace", attribute="title", find=pattern, value=""),
        FeedRule(do="exclude", when=f"title matches '{pattern}'"),
    ):
        with pytest.raises(RuleError, match="no RE2 expression"):
            compile_feed(Feed(channel="meta", rule=[rule]))


def test_a_pattern_that_ruins_others_is_only_a_pattern(builder, blobs, shelf) -> None:
    """Exponential for a backtracking engine: this would not end in a lifetime."""
    shelf.put(product("A", title="a" * 140 + "!"))
    rule = FeedRule(do="set", attribute="custom_label_0", value="x", when="not title matches '^(a+)+$'")
    assert labels(builder, blobs, Feed(channel="meta", rule=[rule]))["A"][0] == "x"
