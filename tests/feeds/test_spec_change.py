"""What another specification would do to a feed, told before it is in use."""

from __future__ import annotations

import msgspec
import pytest

from rekindle.feeds import RuleError, channel, spec_change
from rekindle.feeds.spec import Attribute, Rule, Spec
from rekindle.feeds.spec_change import Fact, facts
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import META, product


def altered(**changes: object) -> Spec:
    """Meta's specification with another title."""
    spec = channel("meta").spec
    attributes = [
        msgspec.structs.replace(a, **changes) if a.name == "title" else a
        for a in spec.attribute
        if a.name != "material"
    ]
    attributes.append(Attribute("safety_note", "text", "sdk", required=True))
    rule = Rule("dear", "price", "price > 500", "warning", "Think.", "sdk")
    return msgspec.structs.replace(spec, attribute=tuple(attributes), check=(*spec.check, rule))


def test_facts_that_differ() -> None:
    assert list(facts(channel("meta").spec, channel("meta").spec)) == []
    assert list(facts(channel("meta").spec, altered(max_length=5, note="elsewhere"))) == [
        Fact("title", "max_length", channel("meta").spec.find("title").max_length, 5),
        Fact("material", "attribute", "material", None),
        Fact("safety_note", "attribute", None, "safety_note"),
        Fact("dear", "check", None, "dear"),
    ]


def test_items_that_would_break_are_named_and_nothing_is_published(shelf, tmp_path) -> None:
    snapshot = shelf.put(product("A"), product("B", attributes={"safety_note": "Keep dry."}), product("C", quantity=0))
    feed = Feed(channel="meta", rule=[FeedRule(do="exclude", when="quantity = 0")])
    found = spec_change(snapshot, feed, altered(max_length=5), tmp_path)
    assert (found.preview.newly_blocked, found.preview.blocked) == (1, ["A"])
    assert [(c.id, c.attribute, c.after) for c in found.preview.difference.changes] == [
        ("B", "safety_note", "Keep dry."), ("B", "title", "Sofa"),
    ]  # fmt: skip
    assert {(f.code, f.attribute, f.count) for f in found.preview.findings} >= {("missing", "safety_note", 1)}
    same = spec_change(snapshot, feed, channel("meta").spec, tmp_path)
    assert (same.facts, same.preview.newly_blocked, same.preview.difference.changed_items) == ([], 0, 0)
    assert list(tmp_path.glob("preview-*")) == []


def test_what_cannot_be_compared_is_said(shelf) -> None:
    snapshot = shelf.put(product("A"))
    with pytest.raises(RuleError, match="the specification is of ceneo, the feed is for meta"):
        spec_change(snapshot, META, channel("ceneo").spec)
    uses = Feed(channel="meta", rule=[FeedRule(do="set", attribute="material", value="wool")])
    with pytest.raises(RuleError, match="'material' is no attribute of meta"):
        spec_change(snapshot, uses, altered())
