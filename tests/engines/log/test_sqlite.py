"""The SQLite log: the conformance suite, and what only a file can do wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rekindle.engines.log import Keyed, Log, LogCorrupt, LogFull, LogUnavailable, SqliteLog
from tests.conftest import ROOT, FakeClock
from tests.engines.log.conformance import LogConformance, Opener, drain, keyed, texts
from tests.engines.log.machine import LogMachine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "log.db"


class TestConformance(LogConformance):
    @pytest.fixture
    def opener(self, path: Path, clock: FakeClock) -> Opener:
        async def open_log() -> Log:
            return SqliteLog(path, clock=clock)

        return open_log


class SqliteMachine(LogMachine):
    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        super().__init__()

    async def open_log(self, clock: FakeClock) -> Log:
        return SqliteLog(Path(self.folder.name) / "log.db", clock=clock)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestAgainstAList = SqliteMachine.TestCase
TestAgainstAList.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


async def test_large_batches_are_cut_into_blocks_and_stay_one_transaction(path: Path) -> None:
    log = SqliteLog(path)
    values = [os.urandom(3000) for _ in range(1500)]
    await log.append([Keyed("k", value) for value in values])
    assert [entry.value for entry in await drain(await log.consumer("views"), limit=400)] == values
    await log.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) > 3, max(length(body)) <= 1100000 FROM block").fetchone() == (1, 1)
    db.close()


async def test_a_damaged_block_is_loud_and_what_is_before_it_still_reads(path: Path) -> None:
    log = SqliteLog(path)
    for text in "abc":
        await log.append(keyed(text))
    await log.close()
    db = sqlite3.connect(path)
    (body,) = db.execute("SELECT body FROM block WHERE first = 2").fetchone()
    db.execute("UPDATE block SET body = ? WHERE first = 2", (body[:-1] + b"?",))
    db.commit()
    db.close()
    log = SqliteLog(path)
    consumer = await log.consumer("views")
    assert texts(await consumer.poll(1)) == ["a"]
    for _ in range(2):
        with pytest.raises(LogCorrupt, match=r"offset 2 .*checksum"):
            await consumer.poll(1)
    await log.close()


async def test_a_full_disk_acknowledges_nothing_and_acceptance_resumes(path: Path, clock: FakeClock) -> None:
    log = SqliteLog(path, clock=clock, max_bytes=60 * 4096)
    consumer = await log.consumer("views")
    stored: list[bytes] = []
    full: LogUnavailable | None = None
    while full is None:
        value = f"{len(stored)}:".encode() + os.urandom(6000)
        try:
            await log.append([Keyed("k", value)])
        except LogUnavailable as error:
            full = error
        else:
            stored.append(value)
    assert isinstance(full, LogFull)
    with pytest.raises(LogFull):
        await log.append(keyed("still full"))
    with pytest.raises(LogFull):
        await log.check()
    entries = await drain(consumer)
    assert [entry.value for entry in entries] == stored
    await consumer.commit(entries[-1])
    clock.advance(1000)
    assert await log.trim(clock()) == len(stored)
    await log.check()
    await log.append(keyed("room again"))
    assert texts(await drain(consumer)) == ["room again"]
    await log.close()


async def test_the_reserve_is_kept_free(path: Path) -> None:
    log = SqliteLog(path, reserve=1 << 60)
    with pytest.raises(LogFull, match="reserve"):
        await log.append(keyed("a"))
    await log.consumer("cursors can still be written")
    await log.close()


async def test_the_buffer_is_bounded(path: Path) -> None:
    log = SqliteLog(path, max_waiting=10_000)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asked = [asyncio.create_task(log.append([Keyed("k", b"x" * 4000)])) for _ in range(5)]
    await asyncio.sleep(0)
    refused = [task for task in asked if task.done() and isinstance(task.exception(), LogUnavailable)]
    assert len(refused) == 3
    assert log.waiting_bytes == 8000
    other.execute("ROLLBACK")
    other.close()
    await asyncio.gather(*(task for task in asked if task not in refused))
    assert log.waiting_bytes == 0
    assert len(await log.tail(None, 10)) == 2
    await log.close()


async def test_one_call_larger_than_the_buffer_is_taken_when_nothing_waits(path: Path) -> None:
    log = SqliteLog(path, max_waiting=100)
    await log.append([Keyed("k", b"x" * 5000)])
    assert len(await log.tail(None, 10)) == 1
    await log.close()


async def test_a_failed_commit_is_not_acknowledged_and_the_next_one_goes(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rekindle.engines.log import _file

    log = SqliteLog(path, clock=clock)

    def broken(self: _file.File) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(_file.File, "commit", broken)
        with pytest.raises(LogUnavailable, match="disk I/O error"):
            await log.append(keyed("lost"))
    with pytest.raises(LogUnavailable):
        await log.append(keyed("refused without touching the disk"))
    clock.advance(1000)
    await log.append(keyed("kept"))
    assert texts(await log.tail(None, 10)) == ["kept"]
    await log.close()


async def test_appends_and_cursors_of_several_loops_at_once_are_all_answered(path: Path) -> None:
    log = SqliteLog(path)

    async def here(name: str) -> None:
        consumer = await log.consumer(name)
        for number in range(30):
            await asyncio.gather(*(log.append(keyed(f"{name}.{number}.{one}")) for one in range(5)))
            await consumer.commit((await consumer.poll(1))[0])

    await asyncio.wait_for(
        asyncio.gather(here("a"), *(asyncio.to_thread(asyncio.run, here(name)) for name in ("b", "c"))), 120
    )
    expected = {f"{name}.{number}.{one}" for name in "abc" for number in range(30) for one in range(5)}
    found = texts(await log.tail((0, 0), 1000))
    assert (len(found), set(found)) == (450, expected)
    await log.close()


async def test_trimmed_bytes_are_gone_from_the_files(path: Path, clock: FakeClock) -> None:
    log = SqliteLog(path, clock=clock)
    await log.append(keyed("a-marker-that-must-not-stay"))
    before = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"a-marker" in before
    clock.advance(1)
    assert await log.trim(clock()) == 1
    after = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"a-marker" not in after
    await log.close()


async def test_a_file_of_a_newer_format_is_refused(path: Path) -> None:
    await SqliteLog(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(LogUnavailable, match="newer"):
        SqliteLog(path)


def test_a_file_that_is_no_log_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"<html>" * 1000)
    with pytest.raises(LogCorrupt, match="backup"):
        SqliteLog(path)


def start_appender(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engines.log.appender", str(path), name, str(count)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


async def test_a_killed_process_loses_nothing_it_acknowledged(path: Path) -> None:
    for round_number in range(3):
        process = start_appender(path, f"r{round_number}", 1_000_000)
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(300 + 150 * round_number)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        log = SqliteLog(path)
        found = texts(await drain(await log.consumer(f"round {round_number}")))
        await log.close()
        assert len(found) == len(set(found))
        assert {line.strip() for line in acknowledged if line.endswith("\n")} <= set(found)


async def test_processes_append_to_one_file_at_once(path: Path) -> None:
    log = SqliteLog(path)
    consumer = await log.consumer("views")
    processes = [start_appender(path, name, 120) for name in ("x", "y")]
    found: list[str] = []
    while len(found) < 240:
        got = await consumer.poll(1000, wait_ms=20_000)
        assert got, "a process stopped appending"
        found += texts(got)
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    for name in ("x", "y"):
        assert sorted(text for text in found if text[0] == name) == sorted(f"{name}.{n}" for n in range(120))
    await log.close()
