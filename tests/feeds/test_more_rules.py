"""If-then, calculating, splitting, joining, categories; rules that test themselves; preview; the guard against price shocks."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from rekindle.feeds import RuleError, compile_feed, failed_examples, preview
from rekindle.workspace import Feed, FeedExample, FeedRule
from tests.feeds.conftest import META, product, published, shop


def rows(builder, blobs, *rules: FeedRule) -> list[dict[str, str]]:
    version = builder.build(shop(main=Feed(channel="meta", rule=list(rules))), "main")
    return list(csv.DictReader(io.StringIO(published(blobs, version).decode())))


def test_each_operation(builder, blobs, shelf) -> None:
    shelf.put(
        product("A", color="red / blue", product_type="Home > Covers > Sofa", mpn="M1"),
        product("B", product_type="Homeware", price=Decimal("10"), brand=None),
    )
    a, b = rows(
        builder, blobs,
        FeedRule(do="if", attribute="custom_label_0", when="price > 100", value="dear {brand}", otherwise="cheap"),
        FeedRule(do="calculate", attribute="price", value="round(price * 1.23, 2) + 1"),
        FeedRule(do="calculate", attribute="custom_label_1", value="quantity / (quantity - 3)"),
        FeedRule(do="calculate", attribute="custom_label_2", value="-quantity * 100"),
        FeedRule(do="split", attribute="color", find="/", part=-1),
        FeedRule(do="join", attribute="mpn", names=["mpn", "source.quantity", "color"], value="-"),
        FeedRule(do="category", attribute="google_product_category",
                 table={"Home": "536", "home > covers": "4458", "Homewares": "x"}),
    )  # fmt: skip
    assert (a["custom_label_0"], b["custom_label_0"]) == ("dear Dagra", "cheap")
    assert (a["price"], b["price"]) == ("245.77 PLN", "13.30 PLN")
    assert (a.get("custom_label_1", ""), a["custom_label_2"]) == ("", "-300"), "a division by zero has no result"
    assert (a["color"], a["mpn"]) == ("blue", "M1-3-blue")
    assert (a["google_product_category"], b["google_product_category"]) == ("4458", "")


def test_letters_and_leading_zeros(builder, blobs, shelf) -> None:
    shelf.put(product("Ab-7", mpn="Żółw-X", gtin=None), product("B", mpn="0042"), product("C", mpn="12345"))
    rules = [
        FeedRule(do="case", attribute="mpn", value="lower"), FeedRule(do="pad", attribute="mpn", value="4"),
        FeedRule(do="case", attribute="id", value="upper"),
    ]  # fmt: skip
    found = {row["id"]: row["mpn"] for row in rows(builder, blobs, *rules)}
    assert found == {"AB-7": "żółw-x", "B": "0042", "C": "12345"}
    assert {row["mpn"] for row in rows(builder, blobs, FeedRule(do="pad", attribute="mpn", value="6"))} == {
        "Żółw-X", "000042", "012345"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (FeedRule(do="case", attribute="mpn", value="Title"), "lower or upper"),
        (FeedRule(do="pad", attribute="mpn"), "`value` is missing"),
        (FeedRule(do="pad", attribute="mpn", value="0"), "a length from 1 to 50"),
        (FeedRule(do="pad", attribute="mpn", value="five"), "a length from 1 to 50"),
        (FeedRule(do="if", attribute="title", value="x"), "`if` needs `when`"),
        (FeedRule(do="calculate", attribute="price", value="price *"), "character 8"),
        (FeedRule(do="calculate", attribute="price", value="prize * 2"), "'prize' is no attribute"),
        (FeedRule(do="calculate", attribute="price", value="price; 2"), "';' has no meaning"),
        (FeedRule(do="calculate", attribute="price", value="(" * 60 + "1"), "nested more than"),
        (FeedRule(do="split", attribute="title", find="/"), "`part` is missing"),
        (FeedRule(do="join", attribute="title"), "`names` is empty"),
        (FeedRule(do="category", attribute="title"), "`table` is empty"),
    ],
)
def test_faults_are_named(rule: FeedRule, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        compile_feed(Feed(channel="meta", rule=[rule]))


def test_rules_test_themselves() -> None:
    def feed(*examples: FeedExample) -> Feed:
        return Feed(channel="meta", rule=[
            FeedRule(do="exclude", when="quantity < 1", example=[FeedExample({"quantity": "0"}, "excluded")]),
            FeedRule(do="template", attribute="title", value="{brand} {title} {source.size}", example=list(examples)),
        ])  # fmt: skip

    assert failed_examples(feed(FeedExample({"brand": "D", "title": "x", "source.size": "L"}, "D x L"))) == []
    assert failed_examples(feed(FeedExample({"title": "x"}, "y"))) == [
        "rule 2 (template title), example 1: {'title': 'x'} gives 'x', not 'y'"
    ]


def test_preview_counts_and_publishes_nothing(builder, shelf, tmp_path) -> None:
    snapshot = shelf.put(product("A"), product("B", quantity=0), product("C"))
    new = Feed(channel="meta", rule=[
        FeedRule(do="exclude", when="quantity = 0"),
        FeedRule(do="set", attribute="title", value="New", when="source.id = 'A'"),
        FeedRule(do="set", attribute="link", value="", when="source.id = 'C'"),
    ])  # fmt: skip
    seen = preview(snapshot, META, new, tmp_path)
    assert (seen.items, seen.newly_excluded, list(seen.excluded)) == (1, 1, ["B"])
    assert (seen.newly_blocked, list(seen.blocked)) == (1, ["C"])
    assert [(c.id, c.attribute, c.after) for c in seen.difference.changes] == [("A", "title", "New")]
    assert ("missing", "link") in [(f.code, f.attribute) for f in seen.findings]
    assert list(tmp_path.glob("preview-*")) == []


def test_a_price_shock_is_held(builder, shelf) -> None:
    def prices(factor: str, share: int) -> None:
        shelf.put(*(product(f"P{n}", price=Decimal("100") * Decimal(factor if n < share else "1")) for n in range(10)))

    prices("1", 0)
    assert not builder.build(shop(main=META), "main").held
    prices("0.01", 2)
    assert not builder.build(shop(main=META), "main").held, "a fifth is allowed"
    prices("1", 0)
    assert not builder.build(shop(main=META), "main").held
    prices("100", 3)
    version = builder.build(shop(main=META), "main")
    assert version.held_reason == "the price of 30% of the items moved by half or more; 20% is allowed"
