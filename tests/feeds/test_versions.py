"""Versions: what is published, what is held back, who lets it pass, and the way back."""

from __future__ import annotations

from typing import Any

import pytest

from rekindle.engines.blobs import BlobMissing
from rekindle.engines.database import Database
from rekindle.feeds import FeedSchedule, NothingToBuild, UnknownVersion, diff, status
from rekindle.model.product import Product
from rekindle.workspace import Feed, FeedRule, Workspace
from tests.feeds.conftest import GOOGLE, META, product, shop


def many(count: int, start: int = 0) -> list[Product]:
    return [product(f"P{number:03}") for number in range(start, start + count)]


def live(database: Database, workspace: Workspace) -> Any:
    (found,) = status(database, workspace)
    return found.live


def test_the_first_version_is_published(builder, database, shelf, clock) -> None:
    shelf.put(*many(3))
    version = builder.build(shop(main=META), "main")
    (row,) = status(database, shop(main=META))
    assert row.live == version
    assert (row.items, row.held, row.updated_ms, row.channel) == (3, None, clock.now_ms, "meta")
    assert row.issues == {"block": 0, "limit": 0, "warning": 0}


def test_a_shrinking_feed_is_held_until_a_person_approves(builder, database, shelf) -> None:
    workspace = shop(main=META)
    shelf.put(*many(10))
    good = builder.build(workspace, "main")
    shelf.put(*many(6))
    held = builder.build(workspace, "main")
    assert held.held_reason is not None
    assert "6 items instead of 10: 40% less" in held.held_reason
    (row,) = status(database, workspace)
    assert (row.live, row.held) == (good, held)
    passed = builder.approve("shop", "main", held.version, "ewa")
    (row,) = status(database, workspace)
    assert (row.live, row.held, passed.approved_by) == (passed, None, "ewa")
    with pytest.raises(UnknownVersion, match="not held"):
        builder.approve("shop", "main", good.version, "ewa")


def test_shrinking_within_the_limit_is_published(builder, database, shelf) -> None:
    workspace = shop(main=META)
    shelf.put(*many(10))
    builder.build(workspace, "main")
    shelf.put(*many(7))
    assert builder.build(workspace, "main").held_reason is None
    assert live(database, workspace).items == 7


def test_an_empty_feed_and_repeated_ids_are_held(builder, database, shelf) -> None:
    shelf.put(*many(3))
    everything = Feed(channel="meta", rule=[FeedRule(do="exclude", when="price > 0")])
    empty = builder.build(shop(main=everything), "main")
    assert empty.held_reason is not None
    assert empty.held_reason.startswith("the feed would be empty: 3 items")
    same = Feed(channel="meta", rule=[FeedRule(do="set", attribute="id", value="X")])
    repeated = builder.build(shop(main=same), "main")
    assert repeated.held_reason is not None
    assert repeated.held_reason.startswith("1 ids are there more than once")
    assert live(database, shop(main=same)) is None


def test_a_lost_required_attribute_is_the_reason_given(builder, shelf) -> None:
    shelf.put(*many(10))
    builder.build(shop(main=GOOGLE), "main")
    shelf.put(
        *(product(f"P{number:03}", image_link=None if number < 5 else "https://a.example/x") for number in range(10))
    )
    held = builder.build(shop(main=GOOGLE), "main")
    assert held.held_reason == "image_link is missing from 50% of the items; it was 0%"


def test_rollback_and_the_way_forward(builder, database, shelf) -> None:
    workspace = shop(main=META)
    shelf.put(*many(3))
    first = builder.build(workspace, "main")
    shelf.put(*many(4))
    second = builder.build(workspace, "main")
    assert builder.rollback("shop", "main") == first
    assert live(database, workspace) == first
    assert not builder.due(workspace, "main"), "a rollback stays until something changes"
    assert builder.rollback("shop", "main", second.version) == second
    with pytest.raises(UnknownVersion, match="no version 9"):
        builder.rollback("shop", "main", 9)


def test_a_rollback_does_not_pass_a_held_version(builder, shelf) -> None:
    shelf.put(*many(10))
    builder.build(shop(main=META), "main")
    shelf.put(*many(1))
    held = builder.build(shop(main=META), "main")
    with pytest.raises(UnknownVersion, match="approve it instead"):
        builder.rollback("shop", "main", held.version)


def test_diff_by_item_and_attribute(builder, database, blobs, shelf) -> None:
    workspace = shop(main=META)
    shelf.put(product("A"), product("B"), product("C"))
    builder.build(workspace, "main")
    shelf.put(product("B", color="red"), product("C", title="New"), product("D"))
    builder.build(workspace, "main")
    found = diff(database, blobs, "shop", "main", 1, 2)
    assert (found.added, found.removed, found.changed_items) == (["D"], ["A"], 2)
    assert found.by_attribute == {"title": 1, "color": 1}
    assert [(c.id, c.attribute, c.before, c.after) for c in found.changes] == [
        ("B", "color", None, "red"), ("C", "title", "Sofa cover C", "New"),
    ]  # fmt: skip


def test_old_versions_go_but_never_the_live_one(builder, database, blobs, shelf) -> None:
    workspace = shop(main=Feed(channel="meta", keep_versions=2))
    shelf.put(*many(10))
    first = builder.build(workspace, "main")
    for count in (5, 4, 3):
        shelf.put(*many(count))
        builder.build(workspace, "main")
    assert live(database, workspace) == first
    assert blobs.path(first.digest).is_file()
    with pytest.raises(UnknownVersion):
        diff(database, blobs, "shop", "main", 2, 4)
    shelf.put(*many(11))
    builder.build(workspace, "main")
    shelf.put(*many(12))
    builder.build(workspace, "main")
    with pytest.raises(BlobMissing):
        blobs.path(first.digest)


def test_what_is_missing_is_said(builder, shelf) -> None:
    with pytest.raises(NothingToBuild, match="no catalogue yet"):
        builder.build(shop(main=META), "main")
    with pytest.raises(NothingToBuild, match="no feed 'other'; it has: main"):
        builder.build(shop(main=META), "other")


async def test_the_schedule_builds_what_changed_and_goes_on_after_a_failure(builder, database, shelf) -> None:
    bad = Feed(channel="meta", rule=[FeedRule(do="exclude", when="nonsense")])
    workspace, failed = shop(a=bad, b=META), []
    schedule = FeedSchedule(builder, lambda: [workspace], lambda *args: failed.append(args))
    assert await schedule.step() == 0, "no catalogue, nothing to do"
    shelf.put(*many(2))
    assert await schedule.step() == 1
    assert [(place, feed) for place, feed, _ in failed] == [("shop", "a")]
    assert "nonsense" in str(failed[0][2])
    assert await schedule.step() == 0
    assert len(failed) == 1, "told once, until something changes"
    shelf.put(*many(3))
    assert await schedule.step() == 1
    workspace = shop(b=Feed(channel="meta", rule=[FeedRule(do="set", attribute="brand", value="X")]))
    assert await schedule.step() == 1
