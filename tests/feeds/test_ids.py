"""The id contract's question: is this id in the feed, and if not, why."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.feeds import PublishedIds, _sql
from rekindle.feeds._index import Index, write_index
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import META, product, shop


def test_reasons(builder, database, blobs, shelf, clock) -> None:
    feed = Feed(channel="meta", rule=[FeedRule(do="exclude", when="brand = 'Hidden'")])
    shelf.put(product("OLD"), *(product(str(n)) for n in range(5)), product("AB-1"))
    builder.build(shop(main=feed), "main")
    shelf.put(
        product("shopify_PL_11_22"), product("gla_77"), product("SOFA_8"), product("AB-1"), product("HID", brand="Hidden"),
        product("NOLINK", link=None), *(product(str(n)) for n in range(5)),
    )  # fmt: skip
    assert builder.build(shop(main=feed), "main").held_reason is None
    ids = PublishedIds(database, blobs, clock)
    assert ids.channels("shop") == ["main"]
    asked = [
        "AB-1", "ab-1", "22", "11_22", "shopify_US_11_22", "77", "wc_post_id_77", "wc_post_id_3", "gla_4", "8", "SOFA",
        "CHAIR_8", "AB-1_9", "HID", "NOLINK", "OLD", "nothing", "", "a\tb", "żółw",
    ]  # fmt: skip
    assert ids.missing("shop", "main", asked) == {
        "ab-1": "case", "22": "prefix", "11_22": "prefix", "shopify_US_11_22": "prefix", "77": "prefix",
        "wc_post_id_77": "prefix", "wc_post_id_3": "prefix", "gla_4": "prefix", "8": "prefix", "SOFA": "prefix",
        "CHAIR_8": "unknown", "AB-1_9": "prefix", "HID": "excluded", "NOLINK": "excluded", "OLD": "removed",
        "nothing": "unknown", "": "unknown", "a\tb": "unknown", "żółw": "unknown",
    }  # fmt: skip


def test_a_new_version_is_seen_within_seconds(builder, database, blobs, shelf, clock) -> None:
    ids = PublishedIds(database, blobs, clock)
    assert ids.channels("shop") == []
    assert ids.missing("shop", "main", ["A"]) == {"A": "unknown"}
    shelf.put(product("A"))
    builder.build(shop(main=META), "main")
    clock.advance(5_000)
    assert ids.missing("shop", "main", ["A"]) == {}
    assert ids.missing("other", "main", ["A"]) == {"A": "unknown"}, "workspaces do not see each other"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6), unique=True), st.text()
)
def test_every_published_id_is_found_and_no_other(tmp_path_factory, published, other) -> None:
    target = tmp_path_factory.mktemp("index") / "ids"
    with _sql.connect() as engine:
        engine.execute("CREATE TABLE item (id VARCHAR, _id VARCHAR, _state UTINYINT)")
        for identity in published:
            engine.execute("INSERT INTO item VALUES (?, ?, 0)", [identity, identity])
        write_index(engine, "SELECT * FROM item", target)
    index = Index(target)
    assert all(any(entry == (identity, "p", identity) for entry in index.entries(identity)) for identity in published)
    assert any(entry.kind == "p" for entry in index.entries(other)) == (other in published)
    index.close()
