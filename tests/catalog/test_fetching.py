"""A catalogue by address: fetched once, asked for again with conditions, never from inside."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from rekindle.catalog import CatalogImport, SnapshotStore
from rekindle.egress.fetch import Fetcher
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.conftest import FakeClock

FEED = b"id,title,price,link,image_link,availability\n1,A,5 PLN,https://s.example/1,https://s.example/1.jpg,in stock\n"


class Server:
    """A shop's web server whose answers the test chooses."""

    def __init__(self) -> None:
        self.status = 200
        self.body = FEED
        self.etag = '"1"'
        self.asked: list[str | None] = []
        self.address = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        condition = request.headers.get("If-None-Match")
        self.asked.append(condition)
        if self.status == 200 and condition == self.etag:
            return web.Response(status=304)
        return web.Response(status=self.status, body=self.body, headers={"ETag": self.etag})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_get("/feed.csv", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}/feed.csv?key=hunter2"
    yield found
    await runner.cleanup()


def importer(
    folder: Path, database: Database, clock: FakeClock, source: Source, *, inside: bool = True
) -> CatalogImport:
    shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
    fetch = Fetcher(folder / "fetched", allow_private=inside)
    blobs = FolderBlobs(folder / "blobs")
    return CatalogImport(Workspace(shop=shop, catalog=Catalog(source=[source])), database, blobs, fetch, clock)


async def test_conditions_errors_and_the_last_good_one(
    tmp_path: Path, database: Database, clock: FakeClock, server: Server
) -> None:
    source = Source(name="main", location=server.address)
    imports = importer(tmp_path, database, clock, source)
    first = await imports.run(source)
    assert (first.status, first.items) == ("live", 1)
    assert "hunter2" not in first.place
    assert (await imports.run(source)).status == "unchanged"
    assert server.asked == [None, '"1"']
    server.status = 503
    failed = await imports.run(source)
    assert (failed.status, failed.reason) == ("failed", "fetch")
    assert "503" in failed.message
    assert "hunter2" not in failed.message
    server.status, server.etag, server.body = 200, '"2"', b"<html><form><input type=password></form></html>"
    refused = await imports.run(source)
    assert (refused.status, refused.reason) == ("refused", "login-page")
    assert "hunter2" not in refused.message
    server.etag, server.body = '"3"', FEED + FEED.splitlines()[1].replace(b"1,A", b"2,B") + b"\n"
    assert (await imports.run(source)).items == 2
    current = SnapshotStore(database, FolderBlobs(tmp_path / "blobs")).current("shop")
    assert current is not None
    assert current.items == 2
    assert list((tmp_path / "fetched").glob("*")) == []


async def test_a_condition_is_not_sent_for_other_settings(
    tmp_path: Path, database: Database, clock: FakeClock, server: Server
) -> None:
    source = Source(name="main", location=server.address)
    await importer(tmp_path, database, clock, source).run(source)
    changed = Source(name="main", location=server.address, currency="EUR")
    assert (await importer(tmp_path, database, clock, changed).run(changed)).status == "live"
    assert server.asked == [None, None]


async def test_an_address_inside_is_refused(
    tmp_path: Path, database: Database, clock: FakeClock, server: Server
) -> None:
    source = Source(name="main", location=server.address)
    result = await importer(tmp_path, database, clock, source, inside=False).run(source)
    assert (result.status, result.reason) == ("refused", "address")
    assert server.asked == []
