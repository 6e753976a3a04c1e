"""The archive holds every record of the log once, unchanged; views made again from it are the views that lived."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.audiences import AudienceView
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database, metadata, open_database
from rekindle.engines.log import Entry, Keyed, SqliteLog
from rekindle.model.record import Record, encode
from rekindle.ops.archive import Archive, ArchiveDamaged, ArchiveWriter, HistoryLog
from rekindle.profiles import ProfileView
from tests.audiences.shop import may_enter, shop
from tests.conftest import FakeClock
from tests.scratch import fresh_state
from tests.visits import DENIED, chose, did

HOUR, DAY = 3_600_000, 86_400_000


class House:
    """A log, its archive and a clock."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock) -> None:
        self.folder, self.database, self.clock = folder, database, clock
        self.blobs = FolderBlobs(folder / "blobs")
        self.log = SqliteLog(folder / "log.db", clock=clock, reserve=0)
        self.archive = Archive(database, self.blobs, folder / "work")
        self.writer = self.new_writer()

    def new_writer(self, most: int = 100_000) -> ArchiveWriter:
        return ArchiveWriter(self.log, self.database, self.blobs, self.folder / "work", self.clock, most=most)

    async def happen(self, *records: Record) -> None:
        await self.log.append([Keyed("", encode(record)) for record in records])

    async def all(self) -> list[Entry]:
        return list(await self.log.tail((0, 0), 1_000_000))

    def archived(self) -> list[Entry]:
        return list(self.archive.entries(self.archive.files()))


@pytest.fixture
def house(tmp_path: Path, database: Database, clock: FakeClock) -> House:
    clock.now_ms = clock.now_ms // HOUR * HOUR
    return House(tmp_path, database, clock)


async def test_hours_that_are_over_are_written_and_the_running_one_is_not(house: House) -> None:
    now = house.clock()
    await house.happen(did("view_item", "hat", at=now), did("purchase", "hat", at=now + 1), chose(DENIED, at=now))
    assert await house.writer.step() == 0
    house.clock.advance(HOUR)
    await house.happen(did("view_item", "shoe", at=house.clock()))
    assert await house.writer.step() == 3
    assert await house.writer.step() == 0
    assert house.archived() == (await house.all())[:3]
    assert [(file.hour_ms, file.part, file.rows) for file in house.archive.files("shop")] == [(now, 1, 3)]
    house.clock.advance(HOUR)
    assert await house.new_writer().step() == 1
    assert house.archived() == await house.all()
    await house.log.close()


async def test_a_late_event_comes_in_a_later_file_of_its_hour(house: House) -> None:
    now = house.clock()
    await house.happen(did("view_item", "hat", at=now))
    house.clock.advance(HOUR)
    await house.writer.step()
    await house.happen(did("view_item", "hat", at=now + 5, received=house.clock()))
    house.clock.advance(HOUR)
    await house.writer.step()
    assert [(file.hour_ms, file.part) for file in house.archive.files("shop", now, now + HOUR)] == [(now, 1), (now, 2)]
    await house.log.close()


async def test_files_are_parquet_sorted_by_subject_with_the_hash_that_the_manifest_names(house: House) -> None:
    now = house.clock()
    people = ["s1_c", "s1_a", "s1_b", "s1_a"]
    await house.happen(*(did("view_item", f"i{at}", who=who, at=now + at) for at, who in enumerate(people)))
    house.clock.advance(HOUR)
    await house.writer.step()
    (file,) = house.archive.files()
    path = house.archive.verified(file)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.digest
    rows = duckdb.sql(f"SELECT subject, item_ids, record FROM read_parquet('{path}')").fetchall()
    assert [row[:2] for row in rows] == [("s1_a", ["i1"]), ("s1_a", ["i3"]), ("s1_b", ["i2"]), ("s1_c", ["i0"])]
    codecs = duckdb.sql(f"SELECT DISTINCT compression FROM parquet_metadata('{path}')").fetchall()
    assert codecs == [("ZSTD",)]
    manifest = house.archive.export(house.folder / "out", [file])
    assert file.digest in manifest.read_text()
    with path.open("r+b") as content:
        content.seek(20)
        content.write(b"\0\1\2\3")
    with pytest.raises(ArchiveDamaged, match="part 1"):
        house.archived()
    path.unlink()
    with pytest.raises(ArchiveDamaged, match="missing"):
        house.archived()
    await house.log.close()


async def test_a_crash_before_the_cursor_moves_archives_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.happen(*(did("view_item", "hat", at=house.clock()) for _ in range(5)))
    house.clock.advance(HOUR)

    async def crash(name: str, offset: int) -> None:
        raise OSError("the cursor cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(house.log, "commit", crash)
        with pytest.raises(OSError, match="cursor"):
            await house.writer.step()
    assert await house.new_writer().step() == 0
    assert house.archived() == await house.all()
    await house.log.close()


async def test_a_crash_before_the_manifest_leaves_everything_to_the_next_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.happen(*(did("view_item", "hat", at=house.clock()) for _ in range(5)))
    house.clock.advance(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(ArchiveWriter, "_enter", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await house.writer.step()
    assert house.archive.files() == []
    assert await house.new_writer().step() == 5
    assert house.archived() == await house.all()
    await house.log.close()


async def test_a_large_backlog_is_taken_in_steps(house: House) -> None:
    await house.happen(*(did("view_item", "hat", at=house.clock()) for _ in range(4500)))
    house.clock.advance(HOUR)
    writer = house.new_writer(most=2000)
    assert [await writer.step() for _ in range(4)] == [2000, 2000, 500, 0]
    assert len(house.archived()) == 4500
    await house.log.close()


async def test_nothing_is_trimmed_before_it_is_archived(house: House) -> None:
    await house.writer.register()
    await house.happen(did("view_item", "hat", at=house.clock()))
    house.clock.advance(2 * HOUR)
    assert await house.log.trim(house.clock() - HOUR) == 0
    await house.writer.step()
    assert await house.log.trim(house.clock() - HOUR) == 1
    assert len(house.archived()) == 1
    await house.log.close()


async def test_what_no_reader_understands_is_kept_too(house: House) -> None:
    await house.log.append([Keyed("", b"\xc1 of a later version")])
    house.clock.advance(HOUR)
    assert await house.writer.step() == 1
    assert [entry.value for entry in house.archived()] == [b"\xc1 of a later version"]
    await house.log.close()


async def test_dropped_hours_are_gone_from_manifest_and_disk(house: House) -> None:
    now = house.clock()
    await house.happen(did("view_item", "hat", at=now))
    house.clock.advance(HOUR)
    await house.happen(did("view_item", "hat", at=now + HOUR))
    house.clock.advance(HOUR)
    await house.writer.step()
    old = house.archive.verified(house.archive.files()[0])
    assert [file.hour_ms for file in house.archive.drop(now + HOUR)] == [now]
    assert not old.exists()
    assert len(house.archived()) == 1
    await house.log.close()


VISITS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["view_item", "add_to_cart", "purchase", "remove_from_cart", "page_view"]),
            st.sampled_from(["s1_a", "s1_b", "s1_c"]),
            st.sampled_from(["hat", "shoe", "sock"]),
            st.integers(0, 30),  # the number in its id, so that some repeat
            st.sampled_from([0, 0, 5 * HOUR]),  # how late it comes
        ),
        st.just("withdraw"),
        st.just("hour"),
        st.just("archive"),
        st.just("trim"),
        st.just("work"),
    ),
    min_size=5,
    max_size=40,
)


@given(visits=VISITS)
@settings(max_examples=15, deadline=None)
def test_views_made_again_are_the_views_that_lived(visits: list[object]) -> None:
    with tempfile.TemporaryDirectory() as name:
        database = open_database(fresh_state(Path(name) / "state.db"))
        clock = FakeClock(1_788_000_000_000 // HOUR * HOUR)
        try:
            asyncio.run(_live_and_rebuild(House(Path(name), database, clock), visits))
        finally:
            database.close()


async def _live_and_rebuild(house: House, visits: list[object]) -> None:
    database, clock = house.database, house.clock

    def views(log: SqliteLog | HistoryLog) -> list[ProfileView | AudienceView]:
        return [
            ProfileView(log, database, clock),
            AudienceView(log, database, clock, lambda: {"shop": shop()}, may_enter=may_enter),
        ]

    async def catch_up(some: list[ProfileView | AudienceView]) -> None:
        for view in some:
            while await view.step(7):
                pass

    live = views(house.log)
    await house.writer.register()
    await catch_up(live)
    for visit in visits:
        match visit:
            case "hour":
                clock.advance(HOUR)
            case "archive":
                await house.writer.step()
            case "trim":
                await house.log.trim(clock() - HOUR)
            case "work":
                await catch_up(live)
            case "withdraw":
                await house.happen(chose(DENIED, who="s1_a", at=clock()))
            case (str(event), str(who), str(item), int(number), int(late)):
                await house.happen(
                    did(event, item, who=who, at=clock() - late, received=clock(), event_id=f"{who}-{number}")
                )
    await catch_up(live)
    before = _tables(database)
    for view in live:
        await view.close()
    again = views(HistoryLog(house.log, house.archive))
    for view in again:
        await view.rebuild()
    await catch_up(again)
    for view in again:
        await view.close()
    assert _tables(database) == before
    await house.log.close()


def _tables(database: Database) -> dict[str, Counter[tuple[object, ...]]]:
    """Return the rows of every view, without the moments at which rows were touched and the log of changes."""
    found = {}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            if table.name.startswith(("profile_", "statistics_", "audience_")) and "change" not in table.name:
                columns = [column for column in table.c if column.name not in ("touched_ms", "since_ms", "entered_ms")]
                rows = connection.execute(sa.select(*columns))
                found[table.name] = Counter(tuple(row) for row in rows)
    assert "profile_touches" in found
    assert any(name.startswith("audience_") for name in found)
    return found
