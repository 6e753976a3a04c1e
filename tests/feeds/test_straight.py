"""A file that is written in one go is the file that a build publishes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from rekindle.feeds import write
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import product, published, shop

RULES = [
    FeedRule(do="exclude", when="quantity < 1"),
    FeedRule(do="template", attribute="title", value="{title} & more"),
]


@pytest.mark.parametrize(("channel", "shape"), [("google_merchant", ""), ("meta", ""), ("google_merchant", "tsv")])
def test_it_is_what_a_build_publishes(builder, shelf, blobs, tmp_path: Path, channel, shape) -> None:
    feed = Feed(channel=channel, format=shape or None, rule=RULES)
    shelf.put(
        product("A", title='Line\n"one" <b>'),
        product("B", quantity=0),
        product("C", link=None),
        product("D", price=Decimal(3), color="red, blue", additional_image_links=["https://a.example/1", "https://a.example/2"]),
    )  # fmt: skip
    workspace = shop(main=feed)
    version = builder.build(workspace, "main")
    write(shelf.snapshot, feed, workspace.shop, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == published(blobs, version)
    assert version.items == 2


def test_nothing_to_write_is_a_file_of_nothing(builder, shelf, blobs, tmp_path: Path) -> None:
    feed = Feed(channel="google_merchant", rule=[FeedRule(do="exclude", when="quantity > 0")])
    shelf.put(product("A", quantity=3))
    workspace = shop(main=feed)
    version = builder.build(workspace, "main")
    write(shelf.snapshot, feed, workspace.shop, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == published(blobs, version)


@pytest.mark.parametrize("count", [30_000, 8_193, 16_500])
def test_parts_are_put_together_in_order(builder, shelf, blobs, tmp_path: Path, monkeypatch, count) -> None:
    """Several row groups are read on all cores, parts begin anywhere in them, and of some batches few items are left."""
    monkeypatch.setattr("rekindle.feeds.writing.PART", 2048)
    feed = Feed(channel="meta", rule=[FeedRule(do="exclude", when="quantity < 1")])
    few = range(2048, 4000)
    shelf.put(*(product(f"P{number:05}", quantity=0 if number in few else 1) for number in range(count)))
    workspace = shop(main=feed)
    version = builder.build(workspace, "main")
    content = published(blobs, version)
    ids = [line.split(b",")[0] for line in content.splitlines()[1:]]
    assert ids == [b"P%05d" % number for number in range(count) if number not in few]
    write(shelf.snapshot, feed, workspace.shop, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == content
