"""A scheduler that slept while another took over: whatever it was about to write, nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rekindle.catalog import SnapshotStore
from rekindle.cli import _compose
from rekindle.cli._compose import Installation
from rekindle.cli._documents import read_folder
from rekindle.cli._scheduler import Scheduler, while_held
from rekindle.engines.database.core import metadata
from rekindle.engines.database.lease import Lease, LeaseLost
from tests.conftest import FakeClock

TTL_MS = 15_000
SHOP = 'name = "shop"\ntitle = "Shop"\norigins = ["https://shop.test"]\ncountry = "PL"\ncurrency = "PLN"\n'
SOURCE = '[[source]]\nname = "main"\nlocation = "items.csv"\nkind = "csv"\nevery = "1h"\n'
ITEMS = "id,title,link,image_link,price,availability\n{}"


def item(number: int, title: str) -> str:
    return f"{number},{title},https://shop.test/p/{number},https://shop.test/i/{number}.jpg,10.00 PLN,in_stock\n"


class Two:
    """Two schedulers of one installation. `sleep` lets the first sleep, and the second take over and do everything."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder, self.clock = folder, clock
        self.opened = [Installation(_compose.settings_for(folder), folder=folder, clock=clock) for _ in range(2)]
        self.leases = [
            Lease(each.database, clock, "scheduler", str(number), TTL_MS) for number, each in enumerate(self.opened)
        ]
        self.working = [each.fenced(lease) for each, lease in zip(self.opened, self.leases, strict=True)]
        self.first, self.second = (Scheduler(each) for each in self.working)

    def items(self, *titles: str) -> None:
        lines = "".join(item(number, title) for number, title in enumerate(titles))
        (self.folder / "items.csv").write_text(ITEMS.format(lines))

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with self.opened[0].database.read() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
                for table in metadata.sorted_tables
            }

    async def close(self) -> None:
        for scheduler in (self.first, self.second):
            await scheduler.close()
        for each in [*self.working, *self.opened]:
            await each.aclose()


@pytest.fixture
def folder(tmp_path: Path, clock: FakeClock) -> Path:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "shop.toml").write_text(SHOP)
    (tmp_path / "catalog.toml").write_text(SOURCE)
    (tmp_path / "feeds" / "meta.toml").write_text('channel = "meta"\n')
    settings = _compose.settings_for(tmp_path)
    _compose.create(settings)
    installation = _compose.open_installation(tmp_path, None, settings)
    installation.versions.apply(read_folder(tmp_path), "test", "two schedulers")
    installation.close()
    return tmp_path


async def test_what_a_sleeper_read_is_not_written_over_what_its_successor_wrote(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Two(folder, clock)
    two.items("old hat")
    assert two.leases[0].held()
    kept: list[dict[str, list[tuple[object, ...]]]] = []

    def meanwhile() -> None:
        """The first has read the old file and sleeps past its lease; the second reads the new one."""
        clock.advance(TTL_MS)
        assert two.leases[1].held()
        two.items("new hat", "new shoe")
        asyncio.run(two.second.catalogues())
        asyncio.run(two.second.feeds())
        kept.append(two.everything())

    once(two.working[0], meanwhile, monkeypatch)
    with pytest.raises(LeaseLost):
        await two.first.catalogues()
    assert kept == [two.everything()]
    snapshot = SnapshotStore(two.opened[0].database, two.opened[0].blobs).current("shop")
    assert snapshot is not None
    assert snapshot.items == 2
    await two.close()


async def test_a_feed_built_in_sleep_is_not_published(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Two(folder, clock)
    two.items("hat")
    assert two.leases[0].held()
    await two.first.catalogues()
    kept: list[dict[str, list[tuple[object, ...]]]] = []

    def meanwhile() -> None:
        clock.advance(TTL_MS)
        assert two.leases[1].held()
        assert asyncio.run(two.second.feeds()) == 1
        kept.append(two.everything())

    once(two.working[0], meanwhile, monkeypatch)
    with pytest.raises(LeaseLost):
        await two.first.feeds()
    assert kept == [two.everything()]
    clock.advance(TTL_MS)
    two.items("hat", "shoe")
    assert two.leases[0].held(), "it may come back"
    clock.advance(3_600_000)
    assert two.leases[0].held()
    assert await two.first.catalogues() == 1
    assert await two.first.feeds() == 1, "losing the lease is no fault of the feed"
    await two.close()


async def test_retention_and_archive_of_a_sleeper_write_nothing(folder: Path, clock: FakeClock) -> None:
    two = Two(folder, clock)
    assert two.leases[0].held()
    clock.advance(TTL_MS)
    assert two.leases[1].held()
    before = two.everything()
    with pytest.raises(LeaseLost):
        await two.first.retention()
    assert two.everything() == before
    done = [await while_held(two.leases[0], step)() for step in two.first.steps().values()]
    assert set(done) == {0}
    assert two.everything() == before
    await two.close()


def once(installation: Installation, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do ``work`` in place of a pause, when the installation first stores a blob."""
    put = installation.blobs.put
    waiting = [work]

    def sleepy(source: Path | bytes, **how: Any) -> str:
        if waiting:
            waiting.pop()()
        return put(source, **how)

    monkeypatch.setattr(installation.blobs, "put", sleepy)
