"""The process tree: a child that dies comes back, and all end when told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rekindle.ops.supervisor import supervise

BEAT = "import sys; open(sys.argv[1], 'a').write('x')"
STAY = "import sys, signal; open(sys.argv[1], 'a').write('x'); signal.pause()"


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    file = tmp_path / "starts"
    stopping = asyncio.Event()
    task = asyncio.create_task(supervise({"a": [sys.executable, "-c", BEAT, str(file)]}, stopping, first_pause_s=0))
    async with asyncio.timeout(120):
        while not file.exists() or len(file.read_text()) < 3:
            await asyncio.sleep(0.01)
    stopping.set()
    await task


async def test_children_end_when_told(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    stopping = asyncio.Event()
    commands = {file.name: [sys.executable, "-c", STAY, str(file)] for file in files}
    task = asyncio.create_task(supervise(commands, stopping, first_pause_s=0))
    async with asyncio.timeout(120):
        while not all(file.exists() and file.read_text() for file in files):
            await asyncio.sleep(0.01)
    stopping.set()
    await task
    assert [file.read_text() for file in files] == ["x", "x"]
