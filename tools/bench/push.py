"""One price, from the shop's webhook to the platform, in one piece: hook, live catalogue, feed, delta, push.

The shop system (Shopify) and the platform (Merchant API) are the simulated ones of the tests and the sandbox, in the
same process; everything between is the real thing, one after the other, as the scheduler's steps wake each other.
The first push of all items is measured too. Run: ``python -m tools.bench push``
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.catalog.shops.shopify import Shopify
from tests.catalog.shops.world import world
from tests.conftest import FakeClock
from tests.feeds.push.conftest import Memory, Wire, google

from rekindle.egress.send import Door
from rekindle.engines.database import open_database
from rekindle.engines.database.migrate import migrate
from rekindle.feeds import FeedBuilder
from rekindle.feeds.deltas import history
from rekindle.feeds.push import FeedPusher, push_status
from rekindle.sandbox.platforms.merchant_api import MerchantCenter


class _Timer:
    """Seconds by the clock and of the processor since the last look, by name."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, float]] = {}
        self._last = (time.perf_counter(), time.process_time())

    def mark(self, name: str) -> None:
        now = (time.perf_counter(), time.process_time())
        self.found[name] = (now[0] - self._last[0], now[1] - self._last[1])
        self._last = now


async def measure(folder: Path, count: int, rounds: int) -> None:
    clock = FakeClock()
    database = open_database(folder / "state.db")
    migrate(database)
    shop = world(folder, database, Shopify, clock, count)
    workspace = msgspec.structs.replace(shop.workspace, feeds={"feed": google()})
    center = MerchantCenter()
    builder = FeedBuilder(database, shop.blobs, shop.snapshots, clock, folder / "work")
    wire = Wire(center.answer, clock)
    pusher = FeedPusher(
        database, shop.blobs, Door(wire, Memory(), clock), lambda: [workspace], lambda *_: "token", clock, lambda: 0.5,
        folder / "work",
    )  # fmt: skip
    await shop.run()
    shop.shop.requests.clear()
    timer = _Timer()
    builder.build(workspace, "feed")
    timer.mark("first build")
    wire.sent.clear()
    while await pusher.step():
        wire.sent.clear()
    timer.mark("first push")
    (status,) = push_status(database, workspace)
    print(f"{len(shop.items()):,} items; {status.items['accepted']:,} accepted")
    for name, (wall, cpu) in timer.found.items():
        print(f"  {name:<12} {wall:7.2f} s by the clock, {cpu:7.2f} s of the processor")
    runs: list[dict[str, tuple[float, float]]] = []
    for number in range(rounds):
        clock.advance(60_000)
        shop.shop.put(7, (f"{1000 + number}.00", 3))
        timer = _Timer()
        assert (await shop.hook(*shop.shop.hook(7))).status == 204
        timer.mark("hook kept")
        await shop.refresh()
        timer.mark("live")
        builder.build(workspace, "feed")
        timer.mark("feed, delta")
        await pusher.step()
        timer.mark("accepted")
        runs.append(timer.found)
        price = str((1000 + number) * 1_000_000)
        changed = [
            each
            for each in center.offers(clock()).values()
            if each["productAttributes"]["price"]["amountMicros"] == price
        ]
        assert len(changed) == 1, "the platform has the new price"
        with database.read() as connection:
            assert history(connection, "shop", "feed")[0].changed == 1
    for name in (*runs[0], "in all"):
        print(f"  {name:<12} {_told(runs, name, 0)} s by the clock, {_told(runs, name, 1)} s of the processor")
    print(
        f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, shop and platform included"
    )
    database.close()


def _told(runs: list[dict[str, tuple[float, float]]], name: str, place: int) -> str:
    pick: Callable[[dict[str, tuple[float, float]]], float] = (
        (lambda run: sum(each[place] for each in run.values())) if name == "in all" else (lambda run: run[name][place])
    )
    values = [pick(run) for run in runs]
    return f"{statistics.median(values):5.2f} ({min(values):.2f}–{max(values):.2f})"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--items",
        type=int,
        default=71_430,
        help="products of the simulated shop, of which every fifth has three variants",
    )
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-push-") as name:
        asyncio.run(measure(Path(name), chosen.items, chosen.rounds))


if __name__ == "__main__":
    main()
