"""The desk: which pages a sample has, what is kept of them, runs that are asked for and taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web

from rekindle.feeds.builder import NothingToBuild
from rekindle.feeds.explaining import UnknownItem
from rekindle.feeds.landing import LandingDesk, PageRun, ask, checked, run_of, totals, trim
from rekindle.feeds.quality import export
from rekindle.model.ports import ItemSeen, PriceSeen
from rekindle.sandbox.serving import application, running
from rekindle.sandbox.shop.catalogue import load_catalog
from rekindle.sandbox.shop.pages import Shop
from rekindle.workspace import Feed, Workspace
from tests.conftest import FakeClock
from tests.feeds.conftest import product, shop
from tests.feeds.landing.test_visiting import serving, visitor
from tests.feeds.quality.test_drift import Ages

GOOGLE = Feed(channel="google_merchant", max_shrink=1, max_price_shock=1)
DAY = 86_400_000


class Sold:
    """What visitors met: (id, views, carts, purchases)."""

    def __init__(self, *rows: tuple[str, int, int, int]) -> None:
        self._rows = rows

    def items(self, workspace: str, since_ms: int) -> Iterator[ItemSeen]:
        return (ItemSeen(*row, 1) for row in self._rows)

    def prices(self, workspace: str, since_ms: int, item_ids: object = None) -> Iterator[PriceSeen]:
        return iter(())


class World:
    def __init__(self, database, blobs, builder, shelf, clock: FakeClock, folder: Path) -> None:
        self.database, self.builder, self.shelf, self.clock, self.folder = database, builder, shelf, clock, folder
        self.blobs = blobs
        self.workspace = shop(google=GOOGLE)

    def desk(self, sold: Sold | None = None, ages: Sequence[tuple[str, int, int, int]] = ()) -> LandingDesk:
        fetched = self.folder / "fetched"
        fetched.mkdir(exist_ok=True)
        return LandingDesk(
            self.database, self.blobs, sold or Sold(), Ages(self.folder, ages),
            lambda pause: visitor(self.clock, fetched, pause), self.clock, self.folder / "work",
        )  # fmt: skip

    def ask(self) -> PageRun:
        return ask(self.database, self.workspace, "google", self.clock())

    def run(self) -> PageRun:
        with self.database.read() as connection:
            run = run_of(connection, "shop", "google")
        assert run is not None
        return run

    def publish(self, *products) -> None:
        self.shelf.put(*products)
        self.builder.build(self.workspace, "google")


@pytest.fixture
def world(database, blobs, builder, shelf, clock, tmp_path) -> World:
    return World(database, blobs, builder, shelf, clock, tmp_path)


async def test_the_demo_shop_is_in_order_and_a_changed_page_is_found(world: World) -> None:
    goods = load_catalog()
    demo = Shop(goods)
    async with running(application(demo.routes())) as origin:
        for each in goods:
            each.link, each.image_link = f"{origin}{each.link}", f"{origin}{each.image_link}"
        world.publish(*goods)
        run = await world.desk().check(world.workspace, "google", 1000)
        assert (run.state, run.visited) == ("done", run.items)
        assert run.items >= 55
        told = checked(world.database, "shop", "google", 1000)
        assert {one.code for each in told for one in each.findings} == set(), told
        assert {each.how for each in told} == {"id"}
        changed = demo.shelves.by_id["HLN-101-GRE"]
        changed.sale_price, changed.availability = Decimal("699.00"), "out_of_stock"
        run = await world.desk().check(world.workspace, "google", ids=["HLN-101-GRE"])
        assert (run.items, run.visited) == (1, 1)
    (worst, *_) = checked(world.database, "shop", "google")
    assert (worst.item, worst.row, worst.outcome) == ("HLN-101-GRE", 1, "read")
    assert [(one.code, one.feed_value, one.page_value) for one in worst.findings] == [
        ("price-mismatch", "749.00 PLN", "699.00 PLN"),
        ("availability-mismatch", "in_stock", "https://schema.org/OutOfStock"),
    ]
    assert totals(world.database, "shop", "google")["block"] == 1
    lines = list(export.pages([worst]))
    assert len(lines) == 3
    assert lines[1][:2] == ("HLN-101-GRE", 1)


async def test_a_sample_is_what_changed_what_sells_and_chance(world: World) -> None:
    names = [f"P{n:03}" for n in range(60)]
    async with serving(world.clock) as host:
        world.publish(*(product(name, link=f"{host.origin}/{name}") for name in names))
        now = world.clock()
        ages = [(name, now, now - at, 1) for at, name in enumerate(names[:20], 1)]
        sold = Sold(("P030", 5, 0, 2), ("P031", 900, 1, 1), ("P000", 9, 9, 9), ("P032", 1, 0, 0), ("else", 9, 9, 99))
        desk = world.desk(sold, ages)
        run = await desk.check(world.workspace, "google", 9)
        asked = [path[1:] for path, _ in host.asked if path != "/robots.txt"]
        assert (run.visited, len(set(asked))) == (9, 9)
        assert {"P000", "P001", "P002"} <= set(asked), "what changed last"
        assert {"P030", "P031", "P032"} <= set(asked), "what sells best and is not there yet"
        again = len(host.asked)
        await desk.check(world.workspace, "google", 9)
        assert [path[1:] for path, _ in host.asked[again:] if path != "/robots.txt"] == asked, (
            "the same for one version"
        )
    told = checked(world.database, "shop", "google")
    assert {each.outcome for each in told} == {"missing"}
    assert {one.code for each in told for one in each.findings} == {"page-missing"}


async def test_a_page_that_has_not_changed_is_compared_with_the_feed_of_today(world: World) -> None:
    page = (
        '<script type="application/ld+json">{"@type": "Product", "sku": "A", "offers": {"price": "199.00", '
        '"priceCurrency": "PLN", "availability": "InStock"}}</script>'
    )
    async with serving(world.clock) as host:

        def answer(request: web.Request) -> web.Response:
            same = request.headers.get("if-none-match") == '"1"'
            return web.Response(
                status=304 if same else 200,
                text="" if same else page,
                headers={"etag": '"1"'},
                content_type="text/html",
            )

        host.pages["/a"] = answer
        world.publish(product("A", link=f"{host.origin}/a"))
        desk = world.desk()
        await desk.check(world.workspace, "google")
        assert checked(world.database, "shop", "google")[0].findings == []
        world.publish(product("A", link=f"{host.origin}/a", price=Decimal(5)))
        for _ in range(2):
            await desk.check(world.workspace, "google")
            (told,) = checked(world.database, "shop", "google")
            assert (told.outcome, told.version, [one.code for one in told.findings]) == ("same", 2, ["price-mismatch"])
        world.publish(product("A", link=f"{host.origin}/b", price=Decimal(5)))
        await desk.check(world.workspace, "google")
        assert checked(world.database, "shop", "google")[0].outcome == "missing", "another page is asked for anew"


async def taken_up(desk: LandingDesk, workspace: Workspace) -> int:
    """Step until a run has ended; return how many pages it had."""
    assert await desk.step([workspace]) == 0, "nobody waits for the visits"
    assert desk._under_way is not None
    await asyncio.wait([desk._under_way])
    return await desk.step([workspace])


async def test_a_run_that_is_asked_for_is_taken_up_once(world: World) -> None:
    async with serving(world.clock) as host:
        world.publish(product("A", link=f"{host.origin}/a"))
        desk = world.desk()
        assert await desk.step([world.workspace]) == 0
        first = world.ask()
        assert (first.state, world.ask()) == ("asked", first)
        assert await taken_up(desk, world.workspace) == 1
        assert await desk.step([world.workspace]) == 0
        host.put("/robots.txt", status=500)
        world.ask()
        assert await taken_up(desk, world.workspace) == 1
        run = world.run()
        assert (run.state, run.visited, "nothing is allowed" in run.words) == ("stopped", 0, True)
    with pytest.raises(NothingToBuild):
        ask(world.database, world.workspace, "nope", 0)
    with pytest.raises(UnknownItem, match="publishes no item 'Z'"):
        await desk.check(world.workspace, "google", ids=["A", "Z"])


async def test_a_run_that_was_broken_off_is_taken_up_by_the_next(world: World) -> None:
    async with serving(world.clock) as host:
        world.publish(product("A", link=f"{host.origin}/a"), product("B", link=f"{host.origin}/b"))
        desk = world.desk()
        world.ask()
        await desk.step([world.workspace])
        await desk.close()
        assert world.run().state in ("asked", "running")
        assert await taken_up(world.desk(), world.workspace) == 2
    assert (world.run().state, world.run().visited) == ("done", 2)


async def test_a_feed_that_cannot_be_checked_says_why(world: World) -> None:
    world.publish(product("A"))
    world.ask()
    without = shop()
    assert await taken_up(world.desk(), without) == 1
    assert (world.run().state, "has no feed 'google'" in world.run().words) == ("failed", True)


async def test_a_fault_of_our_own_ends_the_run_and_not_the_shop(world: World) -> None:
    world.publish(product("A"))
    world.ask()
    desk = world.desk()
    desk._visitor = lambda _: 1 / 0  # type: ignore[assignment,return-value]
    assert await taken_up(desk, world.workspace) == 1
    assert (world.run().state, "ZeroDivisionError" in world.run().words) == ("failed", True)
    assert await desk.step([world.workspace]) == 0


async def test_what_a_visit_comes_to_is_a_finding(world: World) -> None:
    async with serving(world.clock) as host:
        host.robots(
            "User-agent: Rekindle\nDisallow: /out\n\nUser-agent: Googlebot\nDisallow: /no-google\n\nUser-agent: *\nAllow: /"
        )
        wanted = {
            "gone": (410, ["page-missing"]), "login": (401, ["page-forbidden"]), "down": (500, ["page-failed"]),
            "file": (200, ["page-unreadable"]), "out": (200, ["page-keeps-us-out"]),
            "no-google": (404, ["page-missing", "page-keeps-google-out"]),
        }  # fmt: skip
        for name, (status, _) in wanted.items():
            host.put(f"/{name}", status=status, content_type="application/pdf")
        world.publish(*(product(name, link=f"{host.origin}/{name}") for name in wanted))
        run = await world.desk().check(world.workspace, "google")
    assert (run.state, run.visited) == ("done", 6)
    told = checked(world.database, "shop", "google")
    assert {each.item: [one.code for one in each.findings] for each in told} == {
        name: codes for name, (_, codes) in wanted.items()
    }


async def test_results_are_kept_for_their_time(world: World) -> None:
    async with serving(world.clock) as host:
        world.publish(product("A", link=f"{host.origin}/a"))
        await world.desk().check(world.workspace, "google")
    at = checked(world.database, "shop", "google")[0].at_ms
    with world.database.begin() as connection:
        assert trim(connection, "shop", at) == 0
        assert trim(connection, "shop", at + 1) == 1
    assert checked(world.database, "shop", "google") == []
