"""Real catalogues, as shops publish them: each that can be imported is published to both channels and reads back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from rekindle.catalog import CatalogImport, RunResult, SnapshotStore
from rekindle.egress.fetch import Fetcher
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.feeds import FeedBuilder, FeedVersion, issues, status
from rekindle.workspace import Catalog, Feed, Shop, Source, Workspace
from tests.conftest import SHARED, FakeClock
from tests.feeds.conftest import published

FILES = sorted(path for path in (SHARED / "data").glob("*") if path.suffix in (".xml", ".csv", ".json"))
BROKEN = sorted(path for path in (SHARED / "data" / "broken").glob("*") if path.is_file())
G = "{http://base.google.com/ns/1.0}"


class House:
    """A database, a blob store and a builder, for one catalogue file."""

    def __init__(self, database: Database, folder: Path, clock: FakeClock, file: Path) -> None:
        self.database, self.blobs = database, FolderBlobs(folder / "blobs")
        self.workspace = Workspace(
            shop=Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN"),
            catalog=Catalog(
                source=[Source(name="main", location=str(file), currency="PLN", link_base="https://shop.example")]
            ),
            feeds={"google": Feed(channel="google_merchant"), "meta": Feed(channel="meta")},
        )
        downloads = folder / "downloads"
        downloads.mkdir()
        self.importer = CatalogImport(self.workspace, database, self.blobs, Fetcher(downloads), clock)
        self.builder = FeedBuilder(database, self.blobs, SnapshotStore(database, self.blobs), clock)

    async def bring_in(self) -> RunResult:
        return await self.importer.run(self.workspace.catalog.source[0])

    def build(self, feed: str) -> FeedVersion:
        return self.builder.build(self.workspace, feed)

    def text(self, version: FeedVersion) -> bytes:
        return published(self.blobs, version)


@pytest.fixture
def house(database: Database, tmp_path: Path, clock: FakeClock, request: pytest.FixtureRequest) -> House:
    return House(database, tmp_path, clock, request.param)


def ids_of_rss(data: bytes) -> Iterator[str]:
    root = etree.fromstring(data)
    for item in root.iter("item"):
        yield item.findtext(f"{G}id") or ""


def ids_of_csv(data: bytes) -> Iterator[str]:
    for row in csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")):
        yield row["id"]


if not FILES:

    def test_real_catalogues() -> None:
        pytest.skip("the shared real-world data is not beside this checkout")


@pytest.mark.parametrize("house", FILES, ids=lambda path: path.name, indirect=True)
async def test_a_real_catalogue_is_published_or_its_items_are_named(house: House) -> None:
    result = await house.bring_in()
    assert result.ok, result.message
    assert result.items > 0
    for feed, read in (("google", ids_of_rss), ("meta", ids_of_csv)):
        version = house.build(feed)
        published = list(read(house.text(version)))
        assert len(published) == version.items
        assert len(set(published)) == len(published)
        named = {issue.id for issue in issues(house.database, "shop", feed, severity="block", limit=10_000)}
        # Every item is in the feed, or is named with the reason why it is not.
        assert len(published) + version.blocked == result.items
        assert len(named) == version.blocked
        if version.held:
            assert version.items == 0 or version.held_reason
        live = next(entry for entry in status(house.database, house.workspace) if entry.feed == feed)
        assert (live.live is None) == version.held


@pytest.mark.parametrize("house", BROKEN, ids=lambda path: path.name, indirect=True)
async def test_a_broken_catalogue_is_mended_with_notes_or_refused_with_reasons(house: House) -> None:
    result = await house.bring_in()
    if result.ok:
        assert result.items > 0
        for feed in house.workspace.feeds:
            house.build(feed)
    else:
        assert result.message
        assert SnapshotStore(house.database, house.blobs).current("shop") is None
