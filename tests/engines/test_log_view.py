"""A view counts every entry once, whatever crashes between the database and the cursor."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.log import Entry
from rekindle.engines.log.view import REMEMBER_MS, Noted, View, seen
from rekindle.model.record import Record, Stored, Tally, encode
from tests.memory_log import MemoryLog
from tests.visits import did


class Collecting:
    """Keeps its rows in memory; `fail_once` breaks one transaction after the writing."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.duplicates: list[str] = []
        self.fail_once = False

    def prepare(self, records: Sequence[Record]) -> None:
        pass

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        if self.fail_once:
            self.fail_once = False
            raise RuntimeError("the disk is on fire")
        for record, duplicate in batch:
            assert isinstance(record, Stored | Tally)
            if isinstance(record, Stored):
                (self.duplicates if duplicate else self.events).append(record.event_id)

    def clear(self, connection: Connection) -> None:
        self.events.clear()


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def part() -> Collecting:
    return Collecting()


async def test_entries_delivered_again_are_applied_once(log: MemoryLog, database: Database, part: Collecting) -> None:
    log.put(did("view_item", event_id="a"), did("view_item", event_id="b"))
    assert await View(log, database, "v", [part]).step() == 2
    log.committed["v"] = 0  # the crash came between the database and the cursor
    again = View(log, database, "v", [part])
    log.put(did("view_item", event_id="c"))
    assert await again.step() == 3
    assert (part.events, part.duplicates) == (["a", "b", "c"], [])


async def test_a_failed_batch_moves_nothing_and_comes_again(
    log: MemoryLog, database: Database, part: Collecting
) -> None:
    log.put(did("view_item", event_id="a"))
    view = View(log, database, "v", [part])
    part.fail_once = True
    with pytest.raises(RuntimeError):
        await view.step()
    assert await view.step() == 1
    assert (part.events, part.duplicates) == (["a"], [])


async def test_a_clients_retry_is_a_duplicate_within_a_batch_and_across_batches(
    log: MemoryLog, database: Database, part: Collecting
) -> None:
    view = View(log, database, "v", [part])
    log.put(did("view_item", event_id="a"), did("view_item", event_id="a"))
    await view.step()
    log.put(did("view_item", event_id="a"), did("view_item", event_id="a", workspace="other"))
    await view.step()
    assert part.events == ["a", "a"], "the same id in another shop is another event"
    assert part.duplicates == ["a", "a"]


async def test_two_views_do_not_share_what_they_have_seen(log: MemoryLog, database: Database) -> None:
    log.put(did("view_item", event_id="a"))
    first, second = Collecting(), Collecting()
    await View(log, database, "one", [first]).step()
    await View(log, database, "two", [second]).step()
    assert first.events == second.events == ["a"]


async def test_seen_ids_are_forgotten_after_the_window(log: MemoryLog, database: Database, part: Collecting) -> None:
    view = View(log, database, "v", [part])
    log.put(did("view_item", event_id="a", at=0))
    await view.step()
    log.put(did("view_item", event_id="b", at=REMEMBER_MS + 1))
    await view.step()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(seen)).scalar_one() == 1


async def test_an_entry_that_is_no_record_does_not_stop_the_others(
    log: MemoryLog, database: Database, part: Collecting, capsys: pytest.CaptureFixture[str]
) -> None:
    log.entries.append(Entry(0, 0, 0, b"\xc1 anna@example.com"))
    log.put(did("view_item", event_id="a"))
    assert await View(log, database, "v", [part]).step() == 2
    assert part.events == ["a"]
    told = capsys.readouterr()
    assert "offset" in told.out + told.err
    assert "example.com" not in told.out + told.err


async def test_a_rebuild_reads_the_log_from_its_start(log: MemoryLog, database: Database, part: Collecting) -> None:
    log.put(did("view_item", event_id="a"), did("view_item", event_id="b"))
    view = View(log, database, "v", [part])
    await view.step()
    await view.rebuild()
    assert part.events == []
    assert await view.step() == 2
    assert part.events == ["a", "b"]


async def test_partitions_keep_their_own_places(log: MemoryLog, database: Database, part: Collecting) -> None:
    def entry(partition: int, offset: int) -> Entry:
        return Entry(partition, offset, 0, encode(did("view_item", event_id=f"{partition}-{offset}")))

    View(log, database, "v", [part])._apply([entry(0, 7), entry(1, 2), entry(0, 9)])
    View(log, database, "v", [part])._apply([entry(1, 1), entry(1, 2), entry(1, 3), entry(0, 9), entry(0, 12)])
    assert part.events == ["0-7", "1-2", "0-9", "1-3", "0-12"]
    assert part.duplicates == []
