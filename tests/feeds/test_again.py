"""Builds on top of an earlier one: less work, and the same bytes as a build of everything."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database, open_database
from rekindle.feeds import FeedBuilder, FeedVersion, content, diff, findings, history, issues
from rekindle.feeds.layout import decode
from rekindle.model.product import Product
from rekindle.workspace import Feed, FeedRule, Workspace
from tests.feeds.conftest import GOOGLE, KnowingShelf, Shelf, product, published, shop
from tests.scratch import fresh_state

COMPARED = (
    "digest",
    "plain_digest",
    "gzip_digest",
    "index_digest",
    "items",
    "excluded",
    "blocked",
    "missing",
    "size",
    "gzip_size",
)
WORKSPACE = shop(
    google=GOOGLE,
    meta=Feed(
        channel="meta",
        max_shrink=1,
        max_price_shock=1,
        rule=[
            FeedRule(do="exclude", when="quantity < 1"),
            FeedRule(do="set", attribute="link", value="", when="brand = 'none'"),
        ],
    ),
)


def everything(builder: FeedBuilder, workspace: Workspace, feed: str, other: Database) -> FeedVersion:
    """Build the same without any history."""
    fresh = FeedBuilder(other, builder._blobs, builder._snapshots, builder._clock, builder._folder)
    return fresh.build(workspace, feed)


def same(version: FeedVersion, whole: FeedVersion) -> None:
    assert {name: getattr(version, name) for name in COMPARED} == {name: getattr(whole, name) for name in COMPARED}


@pytest.fixture
def databases(tmp_path) -> Iterator[Callable[[], Database]]:
    """Empty databases beside the test's own."""
    with ExitStack() as stack:

        def make() -> Database:
            opened = open_database(fresh_state(tmp_path / f"other-{uuid4()}.db"))
            stack.callback(opened.close)
            return opened

        yield make


@pytest.fixture
def empty_database(databases: Callable[[], Database]) -> Database:
    return databases()


def many(count: int, **values: Any) -> dict[str, Product]:
    return {f"P{number:04}": product(f"P{number:04}", **values) for number in range(count)}


def test_one_price_is_one_item_of_work(builder, database, shelf, blobs, empty_database) -> None:
    goods = many(1000)
    shelf.put(*goods.values())
    first = builder.build(WORKSPACE, "google")
    goods["P0500"] = product("P0500", price=Decimal("149.00"))
    shelf.put(*goods.values())
    second = builder.build(WORKSPACE, "google")
    assert second.items_digest == first.items_digest
    assert blobs.path(second.patch_digest).stat().st_size < blobs.path(second.items_digest).stat().st_size / 2
    assert second.index_digest == first.index_digest, "no id came or went"
    same(second, everything(builder, WORKSPACE, "google", empty_database))
    assert b"149.00 PLN" in published(blobs, second)
    (change,) = diff(database, blobs, "shop", "google", 1, 2).changes
    assert (change.id, change.attribute, change.after) == ("P0500", "price", "149.00 PLN")


EDITS = st.lists(
    st.tuples(
        st.integers(0, 420),
        st.sampled_from(["gone", "price", "title", "empty", "blocked", "new", "color"]),
    ),
    max_size=40,
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rounds=st.lists(EDITS, min_size=1, max_size=3),
    feed=st.sampled_from(["google", "meta"]),
    known=st.booleans(),
)
def test_a_build_on_another_equals_a_whole_one(tmp_path_factory, clock, databases, rounds, feed, known) -> None:
    folder: Path = tmp_path_factory.mktemp("again")
    shelf = KnowingShelf(folder) if known else Shelf(folder)
    builder = FeedBuilder(databases(), FolderBlobs(folder / "blobs"), shelf, clock, folder / "work")
    goods = many(400)
    shelf.put(*goods.values())
    builder.build(WORKSPACE, feed)
    for edits in rounds:
        for number, kind in edits:
            identity = f"P{number:04}" + ("x" if kind == "new" else "")
            changed: dict[str, dict[str, Any]] = {
                "price": {"price": Decimal(number + 1)},
                "title": {"title": f"A & B\n{number}"},
                "empty": {"quantity": 0},
                "blocked": {"link": None},
                "new": {},
                "color": {"color": "red"},
            }
            if kind == "gone":
                goods.pop(identity, None)
            else:
                goods[identity] = product(identity, **changed[kind])
        shelf.put(*goods.values())
        version = builder.build(WORKSPACE, feed)
        same(version, everything(builder, WORKSPACE, feed, databases()))
        plain = published(builder._blobs, version)
        assert gzip.decompress(builder._blobs.path(version.gzip_digest).read_bytes()) == plain


def test_what_is_known_to_have_changed_is_enough(builder, shelf, databases) -> None:
    """Over several builds: changed, changed again, back as it was, gone, gone and back, new, and nothing at all."""
    shelf = builder._snapshots = KnowingShelf(shelf.folder)
    goods = many(400)
    shelf.put(*goods.values())
    builder.build(WORKSPACE, "google")
    states: list[dict[str, dict[str, Any] | None]] = [
        {"P0001": {"price": Decimal(5)}, "P0002": None, "P0003": {"title": "Other"}},
        {"P0001": {"price": Decimal(6)}, "P0002": {}, "P0399x": {}},
        {"P0001": {}, "P0003": None, "P0399x": None},
        {},
    ]
    for changes in states:
        for identity, values in changes.items():
            if values is None:
                del goods[identity]
            else:
                goods[identity] = product(identity, **values)
        shelf.put(*goods.values())
        version = builder.build(WORKSPACE, "google")
        assert version.patch_digest is not None
        same(version, everything(builder, WORKSPACE, "google", databases()))


def test_the_ends_of_the_file(builder, shelf, empty_database) -> None:
    goods = many(200)
    shelf.put(*goods.values())
    builder.build(WORKSPACE, "google")
    for identity in ("A", "Z", "ZZ"):
        goods[identity] = product(identity)
    del goods["P0000"], goods["P0199"]
    shelf.put(*goods.values())
    version = builder.build(WORKSPACE, "google")
    assert version.patch_digest is not None
    same(version, everything(builder, WORKSPACE, "google", empty_database))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"color": "red"}, "a column that the file had not"),
        ({"title": "New"}, "more than a fifth of the items"),
    ],
)
def test_a_whole_build_where_it_must_be(builder, shelf, blobs, change, why) -> None:
    goods = many(10)
    shelf.put(*goods.values())
    builder.build(WORKSPACE, "meta")
    for number in range(1 if "color" in change else 3):
        goods[f"P{number:04}"] = product(f"P{number:04}", **change)
    shelf.put(*goods.values())
    assert builder.build(WORKSPACE, "meta").patch_digest is None, why


def test_new_rules_and_lost_files_mean_a_whole_build(builder, shelf, blobs) -> None:
    goods = many(20)
    shelf.put(*goods.values())
    first = builder.build(WORKSPACE, "meta")
    rule = FeedRule(do="set", attribute="brand", value="Dagra 2")
    assert builder.build(shop(meta=Feed(channel="meta", rule=[rule])), "meta").patch_digest is None
    again = builder.build(WORKSPACE, "meta")
    assert again.patch_digest is None
    goods["P0001"] = product("P0001", title="Other")
    shelf.put(*goods.values())
    blobs.remove(str(again.layout_digest))
    assert builder.build(WORKSPACE, "meta").patch_digest is None
    assert first.digest == again.digest


def test_findings_name_the_rows_of_now(builder, database, shelf) -> None:
    goods = many(30) | {"P0020": product("P0020", link=None)}
    shelf.put(*goods.values())
    builder.build(WORKSPACE, "google")
    shelf.put(product("A"), *goods.values())
    version = builder.build(WORKSPACE, "google")
    assert version.patch_digest is not None
    (found,) = issues(database, "shop", "google", severity="block")
    assert (found.id, found.row, found.attribute) == ("P0020", 22, "link")
    assert [f.count for f in findings(database, "shop", "google") if f.severity == "block"] == [1]


def test_files_of_a_full_build_stay_as_long_as_they_are_needed(builder, shelf, blobs, database) -> None:
    workspace = shop(main=Feed(channel="meta", keep_versions=2))
    goods = many(50)
    built = []
    for number in range(5):
        goods["P0001"] = product("P0001", title=f"Title {number}")
        shelf.put(*goods.values())
        built.append(builder.build(workspace, "main"))
    last = built[-1]
    assert [version.version for version in history(database, "shop", "main")] == [5, 4]
    assert last.patch_digest is not None
    for digest in (last.items_digest, last.gzip_digest, last.layout_digest, last.patch_digest):
        assert blobs.path(digest).is_file()
    assert diff(database, blobs, "shop", "main", 4, 5).by_attribute == {"title": 1}


def test_texts_with_line_ends_are_one_item(builder, shelf, blobs, empty_database) -> None:
    goods = many(100, description='one\ntwo, "three"')
    shelf.put(*goods.values())
    builder.build(WORKSPACE, "meta")
    goods["P0042"] = product("P0042", description="four\r\nfive;")
    goods["P0043"] = product("P0043", description="six\nseven")
    shelf.put(*goods.values())
    version = builder.build(WORKSPACE, "meta")
    assert version.patch_digest is not None
    same(version, everything(builder, WORKSPACE, "meta", empty_database))
    rows = list(csv.DictReader(io.StringIO(published(blobs, version).decode(), newline="")))
    assert [rows[42]["description"], rows[43]["description"]] == ["four\r\nfive;", "six\nseven"]


def test_the_layout_says_where_items_are(builder, shelf, blobs) -> None:
    """Over two builds: what stands at each item of the first is as long as it says, and blocks are what they say."""
    shelf.put(*many(300).values())
    first = builder.build(WORKSPACE, "google")
    goods = many(300) | {"P0100x": product("P0100x"), "P0007": product("P0007", quantity=0, title="Other")}
    del goods["P0200"]
    shelf.put(*goods.values())
    for version, wanted in ((first, many(300)), (builder.build(WORKSPACE, "google"), goods)):
        where = decode(blobs.path(str(version.layout_digest)).read_bytes())
        plain = published(blobs, version)
        assert hashlib.sha256(plain).hexdigest() == version.plain_digest
        head, *blocks, tail = where.each_block()
        at, ids = head.plain, []
        for length in memoryview(where.lengths).cast("I"):
            part = plain[at : at + length]
            found = etree.fromstring(b'<r xmlns:g="g">' + part + b"</r>").iter("{g}id")
            ids.append([element.text for element in found])
            at += length
        assert plain[at:] == b"</channel></rss>\n"
        assert len(plain[at:]) == tail.plain
        assert [identity for place in ids for identity in place] == sorted(wanted)
        assert len(ids) == 301, "the first build's items, and what comes behind them"
        at = 0
        for block in (head, *blocks, tail):
            assert zlib.crc32(plain[at : at + block.plain]) == block.crc
            at += block.plain
        assert at == version.size


def test_a_part_of_the_plain_file_is_unpacked_from_where_it_begins(builder, shelf, blobs) -> None:
    shelf.put(*many(300).values())
    version = builder.build(WORKSPACE, "google")
    plain = published(blobs, version)
    for start, stop in ((0, 1), (0, None), (5, 5), (1000, 90_000), (len(plain) - 3, len(plain)), (len(plain), None)):
        assert b"".join(content.plain(blobs, version, start, stop)) == plain[start:stop]
