"""Quality reports and their pages at size: time and memory of each, in a process of its own.

A feed of the generator of `tools.bench.feeds`; every fifth item was seen by the tag in each of three hours, every hundredth
of those at another price or under another id; all items are at a platform. Run: ``python -m tools.bench quality --items 100000``
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
from litestar.testing import TestClient
from sqlalchemy import insert

from rekindle.console import create_console
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database, open_database
from rekindle.engines.log import SqliteLog
from rekindle.feeds import FeedBuilder
from rekindle.feeds.items import items_of
from rekindle.feeds.landing.sample import Sampler
from rekindle.feeds.push._tables import feed_pushed, feed_pushes
from rekindle.feeds.quality import QualityDesk, export
from rekindle.feeds.versions import live
from rekindle.model.ports import SourceAges
from rekindle.profiles import ItemSightings
from rekindle.profiles._tables import item_prices_seen, item_sightings
from rekindle.workspace import Feed, Shop, Workspace
from rekindle.workspace.access import Users
from tools.bench.feeds import _peak_mb, _Shelf, generate

NOW = 1_790_000_000_000
HOUR = 3_600_000
_BLOCK = 20_000
_PASSWORD = "a benchmark's own"


class World:
    """An installation's rooms that quality stands on, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database: Database = open_database(folder / "state.db")
        self.blobs = FolderBlobs(folder / "blobs")
        self.shelf = _Shelf(folder / "snapshot.parquet")
        shop = Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN")
        self.workspace = Workspace(shop=shop, feeds={"meta": Feed(channel="meta")})
        self.seen = ItemSightings(self.database)
        self.desk = QualityDesk(self.database, self.blobs, self.shelf, self.seen, self, lambda: NOW, folder / "work")

    def sources(self, workspace: str) -> Sequence[SourceAges]:
        """See `model.ports.ItemAges.sources`."""
        return [SourceAges("bench", f"read_parquet('{self.folder / 'ages.parquet'}')", NOW - HOUR)]


def prepare(folder: Path, count: int) -> None:
    """Make the feed, the ages, what the tag saw, and what the platform took."""
    generate(folder / "snapshot.parquet", count)
    with duckdb.connect(config={"memory_limit": "400MB"}) as engine:
        engine.execute(
            f"COPY (SELECT id, {NOW - HOUR} AS seen_ms, {NOW} - (hash(row) % 100000000)::BIGINT AS price_ms, "
            f"{NOW} - (hash(id) % 100000000)::BIGINT AS stock_ms, price_ms AS changed_ms FROM '{folder / 'snapshot.parquet'}' "
            f"ORDER BY id) TO '{folder / 'ages.parquet'}' (FORMAT parquet)"
        )
    world = World(folder)
    world.database.create_all()
    FeedBuilder(world.database, world.blobs, world.shelf, lambda: NOW - 2 * HOUR, folder / "work").build(
        world.workspace, "meta"
    )
    with world.database.begin() as connection:
        for block in _blocks(count):
            for table, rows in (
                (item_sightings, list(_sightings(block))), (item_prices_seen, list(_prices(block))),
                (feed_pushed, list(_pushed(block))),
            ):  # fmt: skip
                if rows:
                    connection.execute(insert(table), rows)
        push = {"version": 1, "wanted_ms": NOW, "basis": "meta/1", "target": "x", "done_ms": NOW, "held_reason": "",
                "approved_by": "", "approved_version": 0}  # fmt: skip
        connection.execute(insert(feed_pushes), [{"workspace": "shop", "feed": "meta", **push}])
    world.database.close()


def _blocks(count: int) -> Iterator[range]:
    for start in range(0, count, _BLOCK):
        yield range(start, min(start + _BLOCK, count))


def _hours() -> list[int]:
    return [NOW // HOUR * HOUR - back * HOUR for back in range(3)]


def _sightings(block: range) -> Iterator[dict[str, Any]]:
    for number in block:
        if number % 5 == 0:
            name = f"{'gla_' if number % 500 == 0 else ''}SKU-{number:08}"
            for hour in _hours():
                yield {"workspace": "shop", "hour_ms": hour, "item_id": name, "views": number % 7 + 1, "carts": 0,
                       "purchases": number % 3 == 0, "last_ms": hour}  # fmt: skip


def _prices(block: range) -> Iterator[dict[str, Any]]:
    for number in block:
        if number % 5 == 0:
            price = 10 + (number * 37) % 90000 / 100 + (1 if number % 500 == 0 else 0)
            for hour in _hours():
                yield {"workspace": "shop", "hour_ms": hour, "item_id": f"SKU-{number:08}", "price": f"{price:g}",
                       "currency": "PLN", "views": 3, "first_ms": hour, "last_ms": hour}  # fmt: skip


def _pushed(block: range) -> Iterator[dict[str, Any]]:
    for number in block:
        old = number % 100 == 0
        yield {"workspace": "shop", "feed": "meta", "item": f"SKU-{number:08}", "wanted": "a" * 32, "wanted_ms": NOW - HOUR,
               "state": "accepted", "due_ms": 0, "tries": 0, "pushed": "a" * 32, "pushed_ms": NOW - HOUR,
               "accepted": ("b" if old else "a") * 32, "accepted_ms": NOW - HOUR, "code": "", "words": "", "ticket": ""}  # fmt: skip


def _ages(world: World) -> None:
    with (world.folder / "ages.csv").open("w", encoding="utf-8") as out:
        out.writelines(export.as_csv(export.ages(world.desk.ages(world.workspace, "meta"))))
    with (world.folder / "ages.csv").open(encoding="utf-8", newline="") as lines:
        print(f"ages: {sum(1 for _ in csv.reader(lines)) - 1:,} lines", file=sys.stderr)


def _sample(world: World) -> None:
    with world.database.read() as connection:
        pointer = live(connection, "shop", "meta")
    assert pointer is not None
    sampler = Sampler(items_of(world.blobs, pointer[0]), world.folder / "work")
    found = sampler.sample(50, 1, world.sources("shop"), world.seen, "shop", NOW - 24 * HOUR)
    if len(found) != 50:
        raise SystemExit(f"a sample of 50 has {len(found)}")


STEPS: dict[str, Callable[[World], object]] = {
    "ids": lambda world: world.desk.ids(world.workspace, "meta", 200),
    "drift": lambda world: world.desk.drift(world.workspace, "meta", 200),
    "ages, summed": lambda world: world.desk.freshness(world.workspace, "meta"),
    "ages, every item as CSV": _ages,
    "ages of one item": lambda world: list(world.desk.ages(world.workspace, "meta", "SKU-00000007")),
    "quality (all, and kept)": lambda world: world.desk.refresh(world.workspace, "meta"),
    "sample of 50 pages": _sample,
}
PAGES = ("/w/shop/quality", "/w/shop/quality/meta", "/api/w/shop/quality", "/w/shop/quality/findings.csv")


def step(folder: Path, name: str) -> dict[str, float]:
    """Do one thing and return its seconds, processor seconds and peak memory."""
    world = World(folder)
    if name.startswith("/"):
        return _page(world, name)
    started, worked = time.perf_counter(), time.process_time()
    STEPS[name](world)
    return {"seconds": time.perf_counter() - started, "cpu": time.process_time() - worked, "mb": _peak_mb()}


def _page(world: World, path: str) -> dict[str, float]:
    log = SqliteLog(world.folder / "log.db", clock=lambda: NOW)
    users = Users(world.database, lambda: NOW)
    if users.find("ola") is None:
        users.create("ola", _PASSWORD, {"shop": "owner"})
    app = create_console(
        world.database, log, lambda: {"shop": world.workspace}, lambda: NOW, lambda *_: None, quality=world.desk
    )
    with TestClient(app) as browser:
        token = browser.get("/login").text.partition('name="form_token" value="')[2].partition('"')[0]
        browser.post("/login", data={"name": "ola", "password": _PASSWORD, "next": "/", "form_token": token})
        browser.get(path)  # templates are compiled once
        started, worked = time.perf_counter(), time.process_time()
        answer = browser.get(path)
        measured = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - worked, "mb": _peak_mb()}
    asyncio.run(log.close())
    if answer.status_code != 200 or answer.url.path != path:
        raise SystemExit(f"{path}: {answer.status_code} at {answer.url.path}")
    return measured


def run(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as name:
        folder = Path(name)
        prepare(folder, count)
        print(f"{count:,} items")
        for each in (*STEPS, *PAGES):
            command = [sys.executable, "-m", "tools.bench.quality", "--step", each, str(folder)]
            result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(result.stdout)
            print(
                f"{each:<30} {found['seconds']:7.2f} s, processor {found['cpu']:6.2f} s, peak {found['mb']:.0f} MB",
                flush=True,
            )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench quality", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.step is None:
        run(given.items)
    else:
        print(json.dumps(step(Path(given.step[1]), given.step[0])))


if __name__ == "__main__":
    main()
