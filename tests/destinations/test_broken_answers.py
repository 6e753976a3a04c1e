"""What a platform can do to a connection, at every destination: it is tried again, and nothing counts as delivered.

The requests are each connector's own, the transport is the real one, and the server is on this machine.
"""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from rekindle.destinations.preview import account
from rekindle.destinations.preview_audience import preview_audience
from rekindle.destinations.preview_event import read_event
from rekindle.egress.connector import Mapped, OutRequest, Verdict
from rekindle.egress.http import HttpTransport, TransportFailed
from tests.destinations.test_conformance_bad_input import (
    AUDIENCES,
    BY_STATUS,
    EVENTS,
    GRANTED,
    MODULES,
    NOW,
    config,
    purchase,
)

PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
HALF = b'{"events_received": 1, "status": "SUC'


def http(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


# What is written before the connection ends; None: nothing, and it stays open.
FAULTS: dict[str, bytes | None] = {
    "a page instead of an answer": http("200 OK", PAGE, "Content-Type: text/html"),
    "a proxy's page": http("502 Bad Gateway", PAGE, "Content-Type: text/html"),
    "nothing with 200": http("200 OK", b""),
    "nothing with 503": http("503 Service Unavailable", b""),
    "half a document": http("200 OK", HALF, "Content-Type: application/json"),
    "less than was announced": http("200 OK", b'{"events_received":', length=5000),
    "no answer of HTTP": b"\x16\x03\x01 this is not HTTP\r\n\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000,
    "a false encoding": http("200 OK", b"not gzip at all", "Content-Encoding: gzip"),
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "too deep a document": http("200 OK", b"[" * 100_000),
    "closed at once": b"",
    "silence": None,
}
# Where the status alone is the answer, its body means nothing; where success has no body, none is success.
EMPTY_IS_SUCCESS = {"criteo"}
STATUS_SAYS_ALL = {"a page instead of an answer", "nothing with 200", "half a document", "too deep a document"}


@asynccontextmanager
async def platform(fault: str) -> AsyncIterator[str]:
    """A platform that takes the request's head and then goes wrong."""
    told = FAULTS.get(fault, b"")
    open_ones: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        open_ones.append(writer)
        if told is None:
            return
        if fault == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.write(told)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in open_ones:
            writer.close()
        server.close()
        await server.wait_closed()


def requests(name: str, base: str) -> tuple[int, list[OutRequest]]:
    """Return what the destination would send of one event or one person."""
    module, given = MODULES[name], config(name) | {MODULES[name].manifest.host_settings[0]: base}
    if module.manifest.kind == "audience":
        person = {"member_id": "m", "email": "anna@example.com", "consent": GRANTED}
        found = preview_audience(module, given, "add", [person], NOW)
        return 1, [OutRequest(each.method, each.url, each.headers, bytes(each.body), ("m",)) for each in found.requests]
    connector, _rule, _policy = account(module, given)
    mapped = connector.map(read_event(purchase()))
    assert isinstance(mapped, Mapped)
    return 1, [connector.build([mapped], NOW)]


async def verdicts(name: str, fault: str) -> list[Verdict | None]:
    """Send, and return what each answer means; None for no answer."""
    limits = msgspec.structs.replace(MODULES[name].manifest.limits, timeout_ms=100 if fault == "silence" else 5_000)
    found: list[Verdict | None] = []
    async with platform(fault) as base, HttpTransport(allow_private=True) as transport:
        size, sent = requests(name, base)
        for request in sent:
            try:
                answer = await transport.send(request, limits)
            except TransportFailed:
                found.append(None)
                continue
            found.append(MODULES[name].classify(answer, size))
    assert found, "nothing was sent"
    return found


@pytest.mark.parametrize("fault", [*FAULTS, "reset"])
@pytest.mark.parametrize("name", [*EVENTS, *AUDIENCES])
async def test_it_is_tried_again_and_nothing_counts_as_delivered(name: str, fault: str) -> None:
    for verdict in await verdicts(name, fault):
        if verdict is None:
            continue  # no answer: the door tries again (tests/egress/test_lane.py)
        empty = name in EMPTY_IS_SUCCESS and fault == "nothing with 200"
        if empty or (name in BY_STATUS and fault in STATUS_SAYS_ALL):
            assert verdict.per_event in (("delivered",), ("accepted",))
        else:
            assert verdict.per_event == ("retry",), (verdict, json.dumps(fault))


@pytest.mark.parametrize("fault", ["closed at once", "silence", "reset", "less than was announced", "a broken chunk"])
async def test_what_is_cut_is_no_answer(fault: str) -> None:
    assert await verdicts("meta", fault) == [None]
