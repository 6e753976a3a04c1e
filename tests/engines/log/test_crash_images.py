"""After a power cut at any moment, every acknowledged record is in the log, in its place, and nothing is made up."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from rekindle.engines.log import Keyed, LogCorrupt, LogUnavailable, SqliteLog, _file
from tests.conftest import FakeClock
from tests.engines.log.crash import Op, Recorder, Sqlite, image

IMAGES = int(os.environ.get("REKINDLE_CRASH_IMAGES", "60"))
SEED = int(os.environ.get("REKINDLE_CRASH_SEED", "1"))


class Mark(NamedTuple):
    """What was promised once ``ops`` calls had been made. Numbers are offsets."""

    ops: int
    acknowledged: int
    committed: int


class Recording:
    """A log's life: appends, some at once, cursors, trims; with everything SQLite did and what was promised when."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.values: list[bytes] = []
        self.calls: list[tuple[int, int]] = []  # ops when the call began, records after it
        self.trims: list[tuple[int, int]] = []  # ops when the trim began, up to which offset it may go
        self.marks: list[Mark] = []


async def live(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch, *, careless: bool = False) -> Recording:
    random = Random(seed)
    recorder = Recorder(f"recorder-{folder.name}-{seed}")
    found = Recording()
    found.ops = recorder.ops
    clock = FakeClock()
    with monkeypatch.context() as patch:
        patch.setattr(_file, "sqlite3", Sqlite(recorder, careless=careless))
        patch.setattr(_file, "_sync_folder", lambda _: recorder.ops.append(Op("folder", "")))
        log = SqliteLog(folder / "log.db", clock=clock, reserve=0)
        consumer = await log.consumer("one")
        acknowledged = committed = 0
        for _ in range(30):
            calls = []
            for _ in range(random.choice([1, 1, 1, 3])):
                values = [random.randbytes(random.choice([20, 300, 5000])) for _ in range(random.randint(1, 6))]
                found.values += values
                found.calls.append((len(recorder.ops), len(found.values)))
                calls.append(log.append([Keyed("", value) for value in values]))
            await asyncio.gather(*calls)
            acknowledged = len(found.values)
            found.marks.append(Mark(len(recorder.ops), acknowledged, committed))
            clock.advance(1000)
            if random.random() < 0.3 and (entries := await consumer.poll(10)):
                await consumer.commit(entries[-1])
                committed = entries[-1].offset
                found.marks.append(Mark(len(recorder.ops), acknowledged, committed))
            if random.random() < 0.15:
                found.trims.append((len(recorder.ops), committed))
                await log.trim(clock() - 3000)
        await log.close()
    return found


async def open_image(folder: Path, files: dict[str, bytes], recording: Recording, ops: int) -> str:
    """Open the log from an image and compare; return ``whole``, or ``loud`` when the engine refuses to go on."""
    _lay(folder, files)
    promised = max((mark for mark in recording.marks if mark.ops <= ops), default=Mark(0, 0, 0))
    begun = [records for at, records in recording.calls if at < ops]
    may_go = max((upto for at, upto in recording.trims if at < ops), default=0)
    try:
        log = SqliteLog(folder / "log.db", reserve=0)
    except (LogCorrupt, LogUnavailable):
        return "loud"
    try:
        entries = await log.tail((0, 0), 1_000_000)
        lag = {each.consumer: each.records for each in await log.lag()}
        await log.append([Keyed("", b"and on")])
        last = (await log.tail(None, 1))[0]
    except (LogCorrupt, LogUnavailable):
        return "loud"
    finally:
        await log.close()
    end = entries[-1].offset if entries else 0
    start = entries[0].offset if entries else 1
    assert [entry.offset for entry in entries] == list(range(start, end + 1))
    assert [entry.value for entry in entries] == recording.values[start - 1 : end]
    if entries or not may_go:
        assert end >= promised.acknowledged, "an acknowledged record is gone"
        assert end in {0, *begun}, "half a call is there"
        assert start <= may_go + 1, "what was not read yet was trimmed"
        if promised.committed:
            assert lag["one"] <= end - promised.committed, "a cursor went back"
    assert last.value == b"and on"
    assert last.offset > max(end, promised.acknowledged), "an offset was used again"
    return "whole"


def _lay(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def check(tmp_path: Path, recording: Recording, images: int, seed: int) -> dict[str, int]:
    random = Random(seed)
    counts = {"whole": 0, "loud": 0}
    for number in range(images):
        ops = random.randrange(1, len(recording.ops) + 1)
        files = image(recording.ops[:ops], random)
        folder = tmp_path / f"image-{number}"
        counts[await open_image(folder, files, recording, ops)] += 1
        for file in folder.iterdir():
            file.unlink()
    return counts


async def test_every_image_holds_what_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    each = 200
    counts = {"whole": 0, "loud": 0}
    for turn in range(max(1, IMAGES // each)):
        folder = tmp_path / f"life-{turn}"
        folder.mkdir()
        recording = await live(folder, SEED + turn, monkeypatch)
        assert {op.kind for op in recording.ops} >= {"write", "sync", "truncate"}
        found = await check(folder, recording, min(IMAGES, each), SEED + turn)
        counts = {name: counts[name] + found[name] for name in counts}
    # A disk that keeps its word gives the engine nothing to complain of.
    assert counts["loud"] == 0


async def test_the_images_find_a_log_that_does_not_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = await live(tmp_path, 1, monkeypatch, careless=True)
    with pytest.raises((AssertionError, IndexError)):
        assert (await check(tmp_path, recording, 100, 1))["loud"] == 0


async def test_missing_blocks_are_told_and_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path, reserve=0)
    for number in range(6):
        await log.append([Keyed("", b"%d" % number)])
    await log.close()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM block WHERE first = 3")
    database.close()
    log = SqliteLog(path, reserve=0)
    with pytest.raises(LogCorrupt, match="records 3 to 3 are missing"):
        await log.tail((0, 0), 100)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM block WHERE first < 3")
    database.close()
    with pytest.raises(LogCorrupt, match="records 1 to 3 are missing"):
        await log.tail((0, 0), 100)
    assert [entry.offset for entry in await log.tail((0, 3), 100)] == [4, 5, 6]
    await log.close()
