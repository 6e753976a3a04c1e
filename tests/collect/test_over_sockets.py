"""The gateway in a process of its own, over real sockets: broken clients, signals, and `kill -9`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from rekindle.cli._demo.ports import choose
from rekindle.engines.log import SqliteLog
from rekindle.model.clock import rfc3339, system_clock
from rekindle.model.record import Stored, decode
from tests.collect.harness import CHROME, GRANTED, ORIGIN
from tests.conftest import ROOT

PATIENCE_S = 120
"""Only a fault takes so long; a busy machine does not."""


def request(event_id: str, extra: str = "", path: str = "/e") -> bytes:
    event = {
        "event": "view_item",
        "event_id": event_id,
        "event_time": rfc3339(system_clock()),
        "consent": GRANTED,
        "ecommerce": {"items": [{"item_id": "A-1"}]},
    }
    body = msgspec.json.encode({"events": [event]})
    head = (
        f"POST {path} HTTP/1.1\r\nHost: shop.example\r\nOrigin: {ORIGIN}\r\nUser-Agent: {CHROME}\r\n"
        f"Content-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


class Process:
    def __init__(self, folder: Path, port: int, child: asyncio.subprocess.Process) -> None:
        self.folder, self.port, self.child = folder, port, child

    @classmethod
    async def start(
        cls, folder: Path, drain: str = "none", port: int | None = None, slowest_head_ms: int = 60_000
    ) -> Process:
        port = port or choose(0)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.collect.serve", str(folder), str(port), drain, str(slowest_head_ms),
            cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        process = cls(folder, port, child)
        assert await process.line() == "listening"
        return process

    async def line(self) -> str:
        assert self.child.stdout is not None
        return (await asyncio.wait_for(self.child.stdout.readline(), PATIENCE_S)).decode().strip()

    async def stop(self) -> None:
        if self.child.returncode is None:
            self.child.terminate()
        await self.child.communicate()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, data: bytes) -> int:
        """Send on a connection of its own; return the status, or 0 when the connection just closes."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await status(reader)
        finally:
            await hang_up(writer)

    async def stored(self) -> set[str]:
        log = SqliteLog(self.folder / "log.db")
        records = [decode(entry.value) for entry in await log.tail((0, 0), 1_000_000)]
        await log.close()
        return {record.event_id for record in records if isinstance(record, Stored)}


async def status(reader: asyncio.StreamReader) -> int:
    """Read one answer without a body, or the head of one with it."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return 0
    return int(head.split()[1])


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    started = await Process.start(tmp_path)
    yield started
    await started.stop()


async def test_a_connection_carries_many_requests(process: Process) -> None:
    reader, writer = await process.connect()
    for number in range(20):
        writer.write(request(f"keep-{number}"))
        assert await status(reader) == 204
    await hang_up(writer)
    assert await process.stored() == {f"keep-{number}" for number in range(20)}


async def test_a_part_of_a_file_is_just_that(process: Process) -> None:
    reader, writer = await process.connect()
    writer.write(b"GET /part HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), PATIENCE_S)).partition(b"\r\n\r\n")[2] == b"cde"
    await hang_up(writer)


async def test_an_answer_in_parts_is_one_answer(process: Process) -> None:
    gone = await process.connect()
    gone[1].write(b"GET /parts HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await gone[0].read(10)
    gone[1].transport.abort()
    await hang_up(gone[1])
    reader, writer = await process.connect()
    writer.write(b"GET /parts HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    assert b"content-length: 300000" in head.lower()
    assert b"chunked" not in head
    assert body == b"a" * 100_000 + b"b" * 100_000 + b"c" * 100_000
    await hang_up(writer)


async def test_broken_clients_harm_only_themselves(process: Process) -> None:
    whole = request("whole")
    half_head = await process.connect()
    half_head[1].write(whole[:40])
    half_body = await process.connect()
    half_body[1].write(whole[:-30])
    await half_body[1].drain()
    gone = await process.connect()
    gone[1].write(request("gone")[:-1])
    await gone[1].drain()
    gone[1].transport.abort()
    await hang_up(gone[1])
    closed = await process.connect()
    closed[1].write(request("half-closed"))
    closed[1].write_eof()
    assert await status(closed[0]) in {0, 204}
    assert await process.send(request("after")) == 204
    half_body[1].write(whole[-30:])
    assert await status(half_body[0]) == 204
    for _, writer in (half_head, half_body, closed):
        await hang_up(writer)
    assert await process.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") == 200
    assert {"whole", "after"} <= await process.stored() <= {"whole", "after", "half-closed"}


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"POST /e HTTP/9.9\r\n\r\n",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nabcdef",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5 6\r\n\r\nabcdef",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nabcde",
        b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n0\r\n\r\n",
        b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabcde",
        b"POST /e HTTP/1.1\r\nHost : a\r\nContent-Length: 0\r\n\r\n",
        b"POST /e HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\nabcde",
        b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(process: Process, data: bytes) -> None:
    assert await process.send(data) in {0, 400, 403, 404, 414, 431}
    assert await process.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") == 200
    assert await process.stored() == set()


async def test_a_length_beside_chunks_smuggles_nothing(process: Process) -> None:
    """What a length would cut off is neither lost nor taken for another request (RFC 9112, 6.3)."""
    inner = request("smuggled")
    chunk = f"{len(inner):x}\r\n".encode() + inner + b"\r\n0\r\n\r\n"
    head = f"POST /e HTTP/1.1\r\nHost: a\r\nOrigin: {ORIGIN}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert await process.send(head.encode() + chunk) in {0, 400}
    assert await process.stored() == set()


async def sent(process: Process, data: bytes) -> None:
    """Send until it is taken: on a busy machine our own head may come too late, too."""
    while (answer := await process.send(data)) != 204:
        assert answer in {0, 400, 408}


async def test_heads_that_never_end_are_ended_and_hold_nobody_up(tmp_path: Path) -> None:
    process = await Process.start(tmp_path, slowest_head_ms=300)
    slow = [await process.connect() for _ in range(100)]
    for _, writer in slow:
        writer.write(b"POST /e HTTP/1.1\r\nHost: a\r\nX-Drop: ")
    await sent(process, request("meanwhile"))
    for reader, writer in slow:
        with contextlib.suppress(ConnectionResetError):
            assert (await asyncio.wait_for(reader.read(), PATIENCE_S))[:12] in {b"", b"HTTP/1.1 408", b"HTTP/1.1 400"}
        await hang_up(writer)
    await sent(process, request("after"))
    await process.stop()
    assert await process.stored() == {"meanwhile", "after"}


async def test_requests_sent_at_once_are_answered_in_turn(process: Process) -> None:
    reader, writer = await process.connect()
    writer.write(b"".join(request(f"pipe-{number}") for number in range(5)))
    assert [await status(reader) for _ in range(5)] == [204] * 5
    await hang_up(writer)
    assert await process.stored() == {f"pipe-{number}" for number in range(5)}


async def test_a_length_that_is_too_large_is_refused_before_the_body_comes(process: Process) -> None:
    head = f"POST /e HTTP/1.1\r\nHost: a\r\nOrigin: {ORIGIN}\r\nContent-Length: 999999999\r\n\r\n"
    assert await process.send(head.encode()) == 413


async def test_sigterm_drains_and_ends_well(tmp_path: Path) -> None:
    process = await Process.start(tmp_path, drain="told")
    reader, writer = await process.connect()
    writer.write(request("before"))
    assert await status(reader) == 204
    process.child.send_signal(signal.SIGTERM)
    ready = 200
    while ready == 200:
        ready = await process.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert ready == 503
    writer.write(request("while draining"))
    assert await status(reader) == 204
    await hang_up(writer)
    assert process.child.stdin is not None
    process.child.stdin.write(b"the balancers have noticed\n")
    assert await process.line() == "ended"
    assert await process.child.wait() == 0
    assert await process.stored() == {"before", "while draining"}


async def test_kill_9_loses_no_answered_event(tmp_path: Path) -> None:
    acknowledged: set[str] = set()

    async def client(process: Process, name: str) -> None:
        reader, writer = await process.connect()
        for number in range(100_000):
            writer.write(request(f"{name}-{number}"))
            if await status(reader) != 204:
                break
            acknowledged.add(f"{name}-{number}")
        await hang_up(writer)

    process = await Process.start(tmp_path)
    for cycle in range(2):
        process = process if cycle == 0 else await Process.start(tmp_path)
        clients = [asyncio.create_task(client(process, f"{cycle}.{number}")) for number in range(8)]
        while len(acknowledged) < 400 * (cycle + 1):
            await asyncio.sleep(0.01)
        process.child.kill()
        await process.child.communicate()
        await asyncio.gather(*clients)
    assert acknowledged <= await process.stored()


async def test_a_port_that_is_taken_ends_the_process(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.collect.serve", str(tmp_path), str(taken.getsockname()[1]), "none", "10000",
            cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await asyncio.wait_for(child.communicate(), PATIENCE_S)
        assert child.returncode == 1
        assert b"in use" in errors


async def test_two_processes_share_a_port_and_a_log(tmp_path: Path) -> None:
    one = await Process.start(tmp_path)
    two = await Process.start(tmp_path, port=one.port)
    answers = await asyncio.gather(*(one.send(request(f"shared-{number}")) for number in range(60)))
    assert set(answers) == {204}
    assert len(await one.stored()) == 60
    await one.stop()
    assert await two.send(request("alone")) == 204
    await two.stop()
