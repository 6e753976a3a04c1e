"""The transport: what a platform can do to a connection is an answer or a `TransportFailed`, never anything else."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from rekindle.egress._names import Names, PublicNames
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.http import HttpTransport, MockTransport, TransportFailed
from rekindle.sandbox.platforms._serve import serving

LIMITS = Limits(batch=10, timeout_ms=2_000, answer_bytes=1000)


def request(url: str) -> OutRequest:
    return OutRequest("POST", url, {"content-type": "application/json"}, b'{"a":1}', ("e1",))


@asynccontextmanager
async def raw(answer: bytes) -> AsyncIterator[str]:
    """A server that writes these bytes and hangs up."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await server.wait_closed()


async def test_an_answer_comes_back_with_lower_case_headers_and_is_cut_at_the_limit():
    async def handle(req):
        assert await req.read() == b'{"a":1}'
        return web.Response(status=400, body=b"x" * 5000, headers={"X-Trace": "abc"})

    app = web.Application()
    app.router.add_post("/", handle)
    async with serving(app) as url, HttpTransport(allow_private=True) as transport:
        answer = await transport.send(request(url + "/"), LIMITS)
    assert (answer.status, answer.headers["x-trace"], len(answer.body)) == (400, "abc", 1000)


async def test_redirects_are_answers_and_cookies_are_forgotten():
    seen = []

    async def handle(req):
        seen.append(req.headers.get("cookie"))
        return web.Response(status=302, headers={"location": "http://127.0.0.1:1/", "set-cookie": "a=b"})

    app = web.Application()
    app.router.add_post("/", handle)
    async with serving(app) as url, HttpTransport(allow_private=True) as transport:
        first = await transport.send(request(url + "/"), LIMITS)
        await transport.send(request(url + "/"), LIMITS)
    assert first.status == 302
    assert seen == [None, None]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"events_re",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"\x00\x01\x02 not http\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_whole_answer_is_a_failed_transport(answer):
    async with raw(answer) as url, HttpTransport(allow_private=True) as transport:
        with pytest.raises(TransportFailed):
            await transport.send(request(url), LIMITS)


async def test_a_platform_that_never_answers_times_out():
    async def handle(req):
        await asyncio.Event().wait()

    app = web.Application()
    app.router.add_post("/", handle)
    async with serving(app) as url, HttpTransport(allow_private=True) as transport:
        with pytest.raises(TransportFailed, match="50 ms"):
            await transport.send(request(url + "/"), Limits(batch=1, timeout_ms=50))


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "169.254.169.254", "[::1]:9", "[::ffff:10.0.0.1]"])
async def test_private_addresses_are_out_of_reach_unless_allowed(host):
    async with HttpTransport() as transport:
        with pytest.raises(TransportFailed):
            await transport.send(request(f"http://{host}/secret-path"), LIMITS)


@pytest.mark.parametrize("inside", ["10.0.0.7", "::ffff:10.0.0.7", "64:ff9b::a00:7", "169.254.169.254", "100.64.0.1"])
async def test_a_name_cannot_point_inward(inside: str):
    class Given(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [
                ResolveResult(hostname=host, host=address, port=port, family=2, proto=0, flags=0) for address in given
            ]

        async def close(self) -> None:
            pass

    given = [inside, "93.184.216.34"]
    found = await PublicNames(Given()).resolve("platform.example", 443)
    assert [entry["host"] for entry in found] == ["93.184.216.34"]
    given = [inside]
    with pytest.raises(OSError, match="no public address"):
        await PublicNames(Given()).resolve("platform.example", 443)


async def test_a_name_server_that_hangs_takes_no_thread_from_the_database():
    hanging, ended = threading.Semaphore(0), threading.Event()

    def look_up(*_given: Any) -> list[Any]:
        hanging.release()
        ended.wait(240)
        raise OSError("no answer")

    names = Names(look_up)
    # More lookups than the event loop's own threads are.
    lookups = [asyncio.create_task(names.resolve(f"{number}.example", 443)) for number in range(64)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(hanging.acquire, timeout=120), 120)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "the database's work"), 120)
    ended.set()
    for each in lookups:
        with pytest.raises(OSError, match="no answer"):
            await each
    await names.close()


async def test_names_become_addresses_of_both_kinds():
    local = ("fe80::1", 443, 0, 3)
    found = [(socket.AF_INET, 1, 6, "", ("93.184.216.34", 443)), (socket.AF_INET6, 1, 6, "", local), (-1, 1, 6, "", ())]
    names = Names(lambda *_given: found)
    assert [(one["host"], one["port"]) for one in await names.resolve("platform.example", 443)] == [
        ("93.184.216.34", 443), ("fe80::1%3", 443),
    ]  # fmt: skip
    assert [one["host"] for one in await PublicNames(names).resolve("platform.example", 443)] == ["93.184.216.34"]
    await names.close()


async def test_a_name_is_looked_up_where_no_address_is_given():
    async def handle(req):
        return web.Response(status=200)

    app = web.Application()
    app.router.add_post("/", handle)
    async with serving(app) as base, HttpTransport(allow_private=True) as transport:
        answer = await transport.send(request(base.replace("127.0.0.1", "localhost") + "/"), LIMITS)
        assert answer.status == 200


async def test_a_failure_never_tells_the_address():
    async with HttpTransport(allow_private=True) as transport:
        with pytest.raises(TransportFailed) as caught:
            await transport.send(request("http://127.0.0.1:1/?token=hunter2"), LIMITS)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(request("http://127.0.0.1:1/?token=hunter2"))


async def test_the_mock_keeps_what_was_sent():
    transport = MockTransport(lambda sent: Answer(200))
    assert (await transport.send(request("https://a.example/"), LIMITS)).status == 200
    assert [sent.event_ids for sent in transport.requests] == [("e1",)]
