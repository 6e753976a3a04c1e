"""A delta turns the version before into the live one, and is served beside the full file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.feeds import FeedBuilder, FeedSchedule, FeedServer, FeedVersion
from rekindle.feeds._tables import feed_deltas
from rekindle.feeds.deltas import KEEP, Delta, history
from rekindle.feeds.versions import publish
from rekindle.model.web import Request
from rekindle.workspace import Feed, FeedTemplate
from tests.feeds.conftest import GOOGLE, META, product, published, shop

Row = dict[str, Any]
OPEN = Feed(channel="meta", max_shrink=1, max_price_shock=1)


def deltas(database: Database, feed: str = "main") -> list[Delta]:
    with database.read() as connection:
        return history(connection, "shop", feed)


def lines(blobs: FolderBlobs, delta: Delta) -> tuple[Row, list[Row]]:
    assert delta.digest is not None
    head, *rest = blobs.path(delta.digest).read_text().splitlines()
    return json.loads(head), [json.loads(line) for line in rest]


def apply(rows: Mapping[str, Row], changes: list[Row]) -> dict[str, Row]:
    """What a reader does with a delta."""
    after = dict(rows)
    for change in changes:
        if change["change"] == "removed":
            del after[change["id"]]
            continue
        known = after.get(change["id"], {"id": change["id"]})
        after[change["id"]] = {k: v for k, v in {**known, **change["attributes"]}.items() if v is not None}
    return after


def table(blobs: FolderBlobs, version: FeedVersion) -> dict[str, Row]:
    rows = csv.DictReader(io.StringIO(published(blobs, version).decode(), newline=""))
    lists = {"additional_image_link"}
    return {row["id"]: {k: v.split(",") if k in lists else v for k, v in row.items() if v} for row in rows}


def test_what_a_build_knows_of_its_change_is_what_is_found(builder, database, blobs, shelf) -> None:
    """The build hands on the items that differ; a delta that is made afterwards looks for them."""
    goods = {f"P{number:02}": product(f"P{number:02}") for number in range(40)}
    shelf.put(*goods.values())
    builder.build(shop(main=OPEN), "main")
    for changes in ({"P07": {"price": Decimal("9")}, "P08": {}}, {"P07": {"title": "Other"}, "P99": {}}):
        goods |= {identity: product(identity, **values) for identity, values in changes.items()}
        del goods["P11" if "P11" in goods else "P12"]
        shelf.put(*goods.values())
        version = builder.build(shop(main=OPEN), "main")
        made = deltas(database)[0]
        with database.begin() as connection:
            connection.execute(sa.delete(feed_deltas).where(feed_deltas.c.version == version.version))
        assert builder.settle("shop", "main")
        assert (made.version, made.digest is None) == (version.version, False)
        assert deltas(database)[0] == made


def test_added_changed_and_removed_by_item_and_attribute(builder, database, blobs, shelf) -> None:
    shelf.put(product("A"), product("B", color="red"), product("C"))
    first = builder.build(shop(main=OPEN), "main")
    shelf.put(
        product("B", price=Decimal("9")),
        product("C"),
        product(
            'D "x"',
            link="https://a.example/d",
            image_link="https://a.example/0",
            additional_image_links=["https://a.example/1"],
        ),
    )
    second = builder.build(shop(main=OPEN), "main")
    delta, start = deltas(database)
    assert (start.version, start.previous, start.digest) == (1, None, None)
    assert (delta.version, delta.previous, delta.added, delta.changed, delta.removed) == (2, 1, 1, 1, 1)
    head, changes = lines(blobs, delta)
    assert head == {
        "workspace": "shop",
        "feed": "main",
        "version": 2,
        "from": 1,
        "added": 1,
        "changed": 1,
        "removed": 1,
    }
    assert changes[0] == {"id": "A", "change": "removed"}
    assert changes[1] == {"id": "B", "change": "changed", "attributes": {"price": "9.00 PLN", "color": None}}
    assert changes[2]["attributes"]["additional_image_link"] == ["https://a.example/1"]
    assert apply(table(blobs, first), changes) == table(blobs, second)


@pytest.mark.parametrize("changed", [3, 30], ids=["on another build", "of two whole builds"])
def test_a_reader_of_deltas_has_the_full_file(builder, database, blobs, shelf, changed) -> None:
    goods = {f"P{n:02}": product(f"P{n:02}", color="blue") for n in range(60)}
    shelf.put(*goods.values())
    known = table(blobs, builder.build(shop(main=META), "main"))
    for step in range(3):
        for number in range(changed):
            goods[f"P{number:02}"] = product(f"P{number:02}", color="blue", title=f"Title {step}", quantity=step)
        del goods[f"P{59 - step}"]
        shelf.put(*goods.values())
        version = builder.build(shop(main=META), "main")
        assert (version.patch_digest is None) == (changed == 30)
        known = apply(known, lines(blobs, deltas(database)[0])[1])
        assert known == table(blobs, version)


def test_the_channel_s_own_format(builder, database, blobs, shelf) -> None:
    """Whole rows for Meta; what exists already for Google; few columns for Microsoft; nothing for others."""
    workspace = shop(
        meta=META, google=GOOGLE, microsoft=Feed(channel="microsoft"), criteo=Feed(channel="criteo"),
        own=Feed(channel="template", format="csv", template=FeedTemplate(field={"sku": "{id}", "t": "{title}"}, id="sku")),
    )  # fmt: skip
    for goods in ((product("A"), product("B")), (product("B", title="New\nline"), product("C"))):
        shelf.put(*goods)
        for feed in workspace.feeds:
            builder.build(workspace, feed)

    def update(feed: str) -> bytes:
        digest = deltas(database, feed)[0].update_digest
        return blobs.path(digest).read_bytes() if digest else b""

    rows = list(csv.DictReader(io.StringIO(update("meta").decode(), newline="")))
    assert [(row["id"], row["title"]) for row in rows] == [("B", "New\nline"), ("C", "Sofa cover C")]
    assert rows[0]["link"] == "https://shop.example/B"
    ids = [element.text for element in etree.fromstring(update("google")).iter("{http://base.google.com/ns/1.0}id")]
    assert ids == ["B"], "a supplemental source cannot add"
    head, row = update("microsoft").decode().splitlines()
    assert head == "id\tprice\tavailability\tsale_price\tsale_price_effective_date"
    assert row.split("\t")[:3] == ["B", "199.00 PLN", "in stock"]
    assert update("criteo") == update("own") == b""
    assert [change["id"] for change in lines(blobs, deltas(database, "own")[0])[1]] == ["A", "B", "C"]
    assert lines(blobs, deltas(database, "own")[0])[1][1]["attributes"] == {"t": "New\nline"}


def test_a_rollback_and_an_approval_have_deltas_too(builder, database, blobs, shelf) -> None:
    goods = [product(f"P{n}") for n in range(10)]
    shelf.put(*goods)
    first = builder.build(shop(main=META), "main")
    shelf.put(*goods[:5])
    held = builder.build(shop(main=META), "main")
    assert [delta.version for delta in deltas(database)] == [1], "nothing was published"
    builder.approve("shop", "main", held.version, "ewa")
    assert (deltas(database)[0].version, deltas(database)[0].removed) == (2, 5)
    builder.rollback("shop", "main", first.version)
    back = deltas(database)[0]
    assert (back.number, back.version, back.previous, back.added) == (3, 1, 2, 5)


async def test_what_was_published_elsewhere_gets_its_delta_from_the_schedule(builder, database, shelf) -> None:
    goods = [product(f"P{n}") for n in range(10)]
    workspace = shop(main=META)
    shelf.put(*goods)
    builder.build(workspace, "main")
    shelf.put(*goods[:5])
    held = builder.build(workspace, "main")
    with database.begin() as connection:
        publish(connection, database.dialect, held, 5)
    assert await FeedSchedule(builder, lambda: [workspace], lambda *_: None).step() == 0
    assert deltas(database)[0].version == held.version


def test_old_deltas_go(builder, database, blobs, shelf) -> None:
    shelf.put(product("A"), product("B"))
    first = builder.build(shop(main=META), "main")
    shelf.put(product("A"))
    second = builder.build(shop(main=OPEN), "main")
    for _ in range(KEEP // 2 + 1):
        builder.rollback("shop", "main", first.version)
        builder.rollback("shop", "main", second.version)
    found = deltas(database)
    assert len(found) == KEEP
    assert all(blobs.path(str(delta.digest)).is_file() for delta in found), "equal deltas are one file"


async def test_deltas_are_served_and_named_in_the_manifest(builder: FeedBuilder, database, blobs, shelf, clock) -> None:
    workspace = shop(main=META)
    for title in ("One", "Two", "Three"):
        shelf.put(product("A", title=title))
        builder.build(workspace, "main")
    server = FeedServer(database, blobs, lambda _workspace, feed: workspace.feeds.get(feed), clock)

    async def get(name: str, **query: str) -> Any:
        return await server.handle(Request("GET", f"/feeds/shop/{name}", query, {}, {}, "127.0.0.1", "shop.example"))

    manifest = json.loads((await get("main.json")).body)
    assert [(each["version"], each["from"]) for each in manifest["deltas"]] == [(3, 2), (2, 1)]
    for each in manifest["deltas"]:
        for file in each["files"]:
            answer = await get(file["name"], version=str(each["version"]))
            assert answer.status == 200
            assert isinstance(answer.body, Path)
            content = answer.body.read_bytes()
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["bytes"])
            assert answer.headers["etag"] == f'"{file["sha256"]}"'
    newest = await get("main.delta.jsonl")
    assert newest.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert b'"title":"Three"' in newest.body.read_bytes()
    assert (await get("main.delta.csv")).headers["content-type"] == "text/csv; charset=utf-8"
    for missing in ("main.delta.xml", "main.delta", "main.delta.", "other.delta.jsonl"):
        assert (await get(missing)).status == 404
    for version in ("1", "9", "x"):
        assert (await get("main.delta.jsonl", version=version)).status == 404
