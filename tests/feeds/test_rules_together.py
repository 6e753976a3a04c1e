"""Rules are run in few steps, and give what they would give one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.feeds import _sql, compile_feed
from rekindle.feeds.examples import _row
from rekindle.feeds.rules import Layer, applied
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import product, shop

NAMES = ("title", "brand", "color", "size")
WORDS = ("a", "b", "ab", "", '"title"', "0012", "{brand}")
ITEMS = [
    {"title": "a b", "brand": "b", "color": "ab", "source.id": "1", "price": "5.00 PLN"},
    {"title": "b", "size": "12", "source.id": "2", "price": "7.00 EUR"},
    {"brand": "a a", "color": "", "source.id": "3"},
]
CONDITIONS = st.builds(
    lambda name, does, word: f"{name} {does} '{word}'",
    st.sampled_from((*NAMES, "source.id")), st.sampled_from(("contains", "=", "!=", "starts with")),
    st.sampled_from(("a", "b", "1")),
)  # fmt: skip
RULES = st.one_of(
    st.builds(lambda when: FeedRule(do="exclude", when=when), CONDITIONS),
    st.builds(
        lambda do, attribute, value, when: FeedRule(do=do, attribute=attribute, value=value or "x", when=when),
        st.sampled_from(("set", "default", "template")), st.sampled_from(NAMES), st.sampled_from(WORDS),
        st.none() | CONDITIONS,
    ),
    st.builds(
        lambda attribute, value, other, when: FeedRule(do="if", attribute=attribute, value=value, otherwise=other, when=when),
        st.sampled_from(NAMES), st.sampled_from(WORDS), st.none() | st.sampled_from(WORDS), CONDITIONS,
    ),
    st.builds(
        lambda attribute, find, value: FeedRule(do="replace", attribute=attribute, find=find, value=value),
        st.sampled_from(NAMES), st.sampled_from(("a", "b", "^", "x$")), st.sampled_from(("", "b", "ab")),
    ),
    st.builds(lambda attribute: FeedRule(do="case", attribute=attribute, value="upper"), st.sampled_from(NAMES)),
    st.builds(lambda attribute: FeedRule(do="pad", attribute=attribute, value="3"), st.sampled_from(NAMES)),
    st.builds(
        lambda attribute, names: FeedRule(do="join", attribute=attribute, names=names),
        st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
    ),
    st.builds(lambda value: FeedRule(do="calculate", attribute="price", value=value), st.sampled_from(("price * 2", "quantity + 1"))),
)  # fmt: skip
ENGINE = _sql.connect()


def outcome(relation: str) -> Sequence[object]:
    columns = ", ".join(_sql.name(name) for name in (*NAMES, "price"))
    return ENGINE.execute(f"SELECT {columns}, _rule FROM ({relation})").fetchone() or ()


def one_by_one(layers: Sequence[Layer], relation: str) -> str:
    for layer in layers:
        relation = applied([layer], relation)
    return relation


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RULES, min_size=1, max_size=8))
def test_together_as_one_after_the_other(rules: list[FeedRule]) -> None:
    program = compile_feed(Feed(channel="meta", rule=rules))
    for item in ITEMS:
        row = _row(program.channel.spec, item)
        assert outcome(applied(program.layers, row)) == outcome(one_by_one(program.layers, row))


@pytest.mark.parametrize(
    "rule",
    [
        lambda n: FeedRule(do="exclude", when=f"title contains 'never {n}'"),
        lambda n: FeedRule(do="set", attribute="custom_label_0", value=f"label {n}", when=f"title contains 'Sofa {n}'"),
        lambda n: FeedRule(do="set", attribute="title", value=f"title {n}", when=f"title contains 'never {n}'"),
        lambda n: FeedRule(do="replace", attribute="title", find=f"never {n}", value="x"),
    ],
    ids=["exclusions", "labels", "titles", "replacements"],
)
def test_hundreds_of_rules_fit_into_the_memory(builder, shelf, rule) -> None:
    shelf.put(product("A"), product("B"))
    feed = Feed(channel="google_merchant", rule=[rule(n) for n in range(300)])
    assert builder.build(shop(main=feed), "main").items == 2
