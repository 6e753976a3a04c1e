"""A backup is of one moment, whatever goes on meanwhile; it comes back as it was, or it says what is wrong with it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.engines.log import Keyed, SqliteLog
from rekindle.model.record import Tally, encode
from rekindle.ops import backup
from tests.conftest import FakeClock


class House:
    """A data folder in which a writer goes on as processes do: an entry, its effect in the state, then the cursor."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.data, self.clock = folder / "data", clock
        self.data.mkdir()
        self.database = open_database(self.data / "state.db")
        with self.database.begin() as connection:
            connection.execute(sa.text("CREATE TABLE effect (number INTEGER PRIMARY KEY)"))
            connection.execute(sa.text("CREATE TABLE live (digest TEXT)"))
        self.log = SqliteLog(self.data / "log.db", clock=clock, reserve=0)
        self.blobs = FolderBlobs(self.data / "blobs")
        (self.data / "secrets.json").write_text('{"sealed": "x"}')
        (self.data / "keys").mkdir()
        (self.data / "keys" / "master.key").write_text("the master key")

    async def happen(self, number: int) -> None:
        consumer = await self.log.consumer("effects")
        await self.log.append([Keyed("", encode(Tally("shop", self.clock(), "filtered", "bot", number)))])
        (entry,) = await consumer.poll(10)
        digest = self.blobs.put(f"state {number}".encode())
        with self.database.begin() as connection:
            connection.execute(sa.text("INSERT INTO effect VALUES (:number)"), {"number": entry.offset})
            before = connection.execute(sa.text("SELECT digest FROM live")).scalar()
            connection.execute(sa.text("DELETE FROM live"))
            connection.execute(sa.text("INSERT INTO live VALUES (:digest)"), {"digest": digest})
        if before:
            self.blobs.remove(before)
        await consumer.commit(entry)
        await consumer.close()


@pytest.fixture
async def house(tmp_path: Path, clock: FakeClock) -> House:
    made = House(tmp_path, clock)
    for number in range(3):
        await made.happen(number)
    return made


def figures(folder: Path) -> tuple[int, int, int, str]:
    """Return how many entries, effects and committed entries a folder holds, and which blob is live."""
    with sqlite3.connect(folder / "log.db") as log, sqlite3.connect(folder / "state.db") as state:
        (entries,) = log.execute("SELECT coalesce(sum(records), 0) FROM block").fetchone()
        (committed,) = log.execute("SELECT committed FROM consumer WHERE name = 'effects'").fetchone()
        (effects,) = state.execute("SELECT count(*) FROM effect").fetchone()
        (digest,) = state.execute("SELECT digest FROM live").fetchone()
    return entries, effects, committed, digest


async def test_what_comes_back_is_what_was_there(house: House, tmp_path: Path) -> None:
    manifest = backup.make(house.data, tmp_path / "copy", house.clock, "1.0")
    assert {file.name for file in manifest.files} >= {"log.db", "state.db", "secrets.json"}
    backup.restore(tmp_path / "copy", tmp_path / "again")
    assert figures(tmp_path / "again") == figures(house.data)
    log = SqliteLog(tmp_path / "again" / "log.db", clock=house.clock, reserve=0)
    assert len(await log.tail((0, 0), 100)) == 3
    await log.close()
    assert (tmp_path / "again" / "secrets.json").read_bytes() == (house.data / "secrets.json").read_bytes()
    assert not (tmp_path / "again" / "keys").exists(), "the master key is kept in another place"
    assert not any((tmp_path / "copy").rglob("master.key"))


@pytest.mark.parametrize("stage", ["blobs", "log.db", "state.db"])
async def test_log_and_state_are_of_one_moment_while_others_write(house: House, tmp_path: Path, stage: str) -> None:
    seen: list[str] = []
    meanwhile = threading.Thread(target=lambda: _run(house.happen, 100))

    def progress(what: str, _done: int, _total: int) -> None:
        if what == stage and not seen:
            seen.append(what)
            meanwhile.start()
            meanwhile.join()

    backup.make(house.data, tmp_path / "copy", house.clock, "1.0", progress=progress)
    assert seen == [stage]
    entries, effects, committed, digest = figures(tmp_path / "copy")
    assert entries == effects == committed
    assert entries == (4 if stage == "blobs" else 3), "what came after the moment is not in it"
    assert figures(house.data)[0] == 4
    assert FolderBlobs(tmp_path / "copy" / "blobs").path(digest).is_file()


def _run(work: Callable[[int], Awaitable[None]], number: int) -> None:
    async def once() -> None:
        await work(number)

    asyncio.run(once())


async def test_damage_is_named_and_nothing_is_written(house: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    backup.make(house.data, copy, house.clock, "1.0")
    whole = (copy / "log.db").read_bytes()
    (copy / "log.db").write_bytes(whole[:-1] + b"?")
    (copy / "secrets.json").unlink()
    with pytest.raises(backup.BackupError, match=r"(?s)log\.db was altered.*secrets\.json is missing"):
        backup.restore(copy, tmp_path / "again")
    assert not (tmp_path / "again").exists()


async def test_a_backup_that_did_not_end_is_none(house: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    backup.make(house.data, copy, house.clock, "1.0")
    (copy / backup.MANIFEST).unlink()
    with pytest.raises(backup.BackupError, match="did not end"):
        backup.verify(copy)


async def test_places_outside_are_refused(house: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    backup.make(house.data, copy, house.clock, "1.0")
    manifest = copy / backup.MANIFEST
    manifest.write_text(manifest.read_text().replace('"secrets.json"', '"blobs/../../outside"'))
    with pytest.raises(backup.BackupError, match="no place in a backup"):
        backup.restore(copy, tmp_path / "again")


async def test_nothing_is_written_over(house: House, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    backup.make(house.data, copy, house.clock, "1.0")
    with pytest.raises(backup.BackupError, match="not empty"):
        backup.make(house.data, copy, house.clock, "1.0")
    with pytest.raises(backup.BackupError, match="in the data folder itself"):
        backup.make(house.data, house.data / "copy", house.clock, "1.0")
    with pytest.raises(backup.BackupError, match=r"holds state\.db already"):
        backup.restore(copy, house.data)


async def test_a_damaged_database_makes_no_backup(house: House, tmp_path: Path) -> None:
    house.database.close()
    await house.log.close()
    with sqlite3.connect(house.data / "state.db") as state:
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = bytearray((house.data / "state.db").read_bytes())
    whole[4096:8192] = b"\x00" * 4096
    (house.data / "state.db").write_bytes(whole)
    with pytest.raises((backup.BackupError, sqlite3.DatabaseError)):
        backup.make(house.data, tmp_path / "copy", house.clock, "1.0")
    assert not (tmp_path / "copy" / backup.MANIFEST).exists()


def test_the_commands_lead_a_stranger_from_a_shop_to_its_copy(tmp_path: Path) -> None:
    run = CliRunner().invoke
    shop, copies, other = tmp_path / "shop", tmp_path / "copies", tmp_path / "other"
    assert run(main, ["init", str(shop)]).exit_code == 0
    made = run(main, ["backup", "make", str(copies), "-w", str(shop)])
    assert made.exit_code == 0, made.output
    (copy,) = copies.iterdir()
    assert f"{copy}: " in made.output
    checked = run(main, ["backup", "verify", str(copy)])
    assert checked.exit_code == 0, checked.output
    assert str(copy) in run(main, ["backup", "verify", str(copies)]).output, "the newest in it is named"
    back = run(main, ["backup", "restore", str(copy), "--data", str(other)])
    assert back.exit_code == 0, back.output
    assert "put the master key back" in back.output
    assert "subject reapply" in back.output
    (other / "keys").mkdir()
    (other / "keys" / "master.key").write_bytes((shop / "data" / "keys" / "master.key").read_bytes())
    told = run(main, ["audit", "export", "-", "-w", str(shop), "--data", str(other)])
    assert "backup.make" in told.output, told.output
    again = run(main, ["backup", "restore", str(copy), "--data", str(other)])
    assert again.exit_code == 1
    assert "nothing is written over" in again.output
