"""The guarded GET: private addresses are unreachable by any spelling or detour, and sizes are bounded."""

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from rekindle.egress._addresses import forbidden
from rekindle.egress.fetch import Fetcher, FetchFailed, FetchRefused

Start = Callable[..., Awaitable[int]]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def left(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answer], Awaitable[int]]]:
    """Start a server on a free loopback port for one handler."""
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> int:
        app = web.Application()
        app.router.add_get("/{tail:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "no address",
    ],
)
def test_addresses_that_nothing_may_lead_to(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_public_addresses(address: str) -> None:
    assert forbidden(address) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "localhost",
    ],
)
async def test_no_spelling_of_a_private_address_gets_through(tmp_path: Path, host: str, serve: Start) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        raise AssertionError("the server was reached")

    port = await serve(never)
    with pytest.raises(FetchRefused, match="use a public address"):
        await Fetcher(tmp_path).get(f"http://{host}:{port}/feed.xml")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/x", "gopher://x/", "//host/x", "feed.xml", "http://"]
)
async def test_only_http(tmp_path: Path, url: str) -> None:
    with pytest.raises(FetchRefused):
        await Fetcher(tmp_path).get(url)


async def test_one_private_address_among_public_ones_is_enough(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.5"]

    with pytest.raises(FetchRefused, match="private"):
        await Fetcher(tmp_path, resolve=resolve).get("http://shop.example/")


async def test_a_name_that_changes_its_address_is_asked_once(tmp_path: Path, serve: Start) -> None:
    """Rebinding: the checked answer is the one that is connected to, whatever the name says later."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.host)

    port = await serve(answer)
    answers = [["127.0.0.1"], ["203.0.113.9"]]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    result = await Fetcher(tmp_path, allow_private=True, resolve=resolve).get(f"http://shop.example:{port}/x")
    assert asked == ["shop.example"]
    assert result.path is not None
    assert result.path.read_text() == f"shop.example:{port}"


async def test_redirects_are_checked_one_by_one(tmp_path: Path, serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public host that redirects to a private one; the first hop is let through by judging loopback public here."""
    reached: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        reached.append(request.path)
        target = "http://inside.example/secret" if request.path == "/two" else "/two"
        return web.Response(status=302, headers={"Location": target})

    port = await serve(answer)

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "shop.example" else ["169.254.169.254"]

    monkeypatch.setattr(
        "rekindle.egress.reach.forbidden", lambda address: None if address == "127.0.0.1" else forbidden(address)
    )
    with pytest.raises(FetchRefused, match=r"inside\.example/secret: leads to a link-local address"):
        await Fetcher(tmp_path, resolve=resolve).get(f"http://shop.example:{port}/one")
    assert reached == ["/one", "/two"]


async def test_redirects_end(tmp_path: Path, serve: Start) -> None:
    hops = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal hops
        hops += 1
        return web.Response(status=301, headers={"Location": f"/{hops}"})

    port = await serve(answer)
    with pytest.raises(FetchRefused, match="more than 5 redirects"):
        await Fetcher(tmp_path, allow_private=True).get(f"http://127.0.0.1:{port}/")
    assert hops == 6


async def test_conditional_request(tmp_path: Path, serve: Start) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304)
        return web.Response(body=b"feed", headers={"ETag": '"v1"', "Last-Modified": "Tue, 01 Sep 2026 00:00:00 GMT"})

    port = await serve(answer)
    fetcher = Fetcher(tmp_path, allow_private=True)
    first = await fetcher.get(f"http://127.0.0.1:{port}/feed")
    assert first.path is not None
    assert (first.status, first.path.read_bytes(), first.etag) == (200, b"feed", '"v1"')
    again = await fetcher.get(f"http://127.0.0.1:{port}/feed", etag=first.etag, last_modified=first.last_modified)
    assert (again.status, again.path) == (304, None)


async def test_sizes_are_bounded_packed_and_plain(tmp_path: Path, serve: Start) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        plain = b"x" * 100_000
        if request.path == "/plain":
            return web.Response(body=plain)
        return web.Response(body=gzip.compress(plain), headers={"Content-Encoding": "gzip"})

    port = await serve(answer)
    fetcher = Fetcher(tmp_path / "files", allow_private=True)
    for path in ("plain", "packed"):
        with pytest.raises(FetchRefused, match="larger than 50000 bytes"):
            await fetcher.get(f"http://127.0.0.1:{port}/{path}", max_bytes=50_000)
        result = await fetcher.get(f"http://127.0.0.1:{port}/{path}", max_bytes=100_000)
        assert result.path is not None
        assert result.path.read_bytes() == b"x" * 100_000
        result.path.unlink()
    assert left(tmp_path / "files") == 0


async def test_a_gzip_bomb_stops_early(tmp_path: Path, serve: Start) -> None:
    bomb = gzip.compress(bytes(80 << 20))

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    port = await serve(answer)
    with pytest.raises(FetchRefused, match="200 times"):
        await Fetcher(tmp_path, allow_private=True).get(f"http://127.0.0.1:{port}/")
    assert left(tmp_path) == 0


async def test_a_body_that_ends_early_is_a_failure(tmp_path: Path, serve: Start) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/gzip":
            return web.Response(body=gzip.compress(b"feed" * 1000)[:-9], headers={"Content-Encoding": "gzip"})
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    port = await serve(answer)
    for path in ("gzip", "plain"):
        with pytest.raises(FetchFailed):
            await Fetcher(tmp_path, allow_private=True).get(f"http://127.0.0.1:{port}/{path}")
    assert left(tmp_path) == 0


async def test_errors_and_results_carry_no_secrets(tmp_path: Path, serve: Start) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/ok":
            return web.Response(text=request.headers.get("Authorization", "none"))
        return web.Response(status=403)

    port = await serve(answer)
    fetcher = Fetcher(tmp_path, allow_private=True)
    with pytest.raises(FetchFailed) as failed:
        await fetcher.get(f"http://user:hunter2@127.0.0.1:{port}/feed?token=hunter2")
    assert "403" in str(failed.value)
    assert "hunter2" not in str(failed.value)
    result = await fetcher.get(f"http://user:hunter2@127.0.0.1:{port}/ok?token=hunter2")
    assert "hunter2" not in result.url
    assert result.path is not None
    assert result.path.read_text().startswith("Basic ")
