"""Visits against a served shop: robots.txt, pace, redirects, refusals, answers that are too large; in virtual time."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from rekindle.egress.fetch import Fetcher
from rekindle.feeds.landing.visiting import MAX_PAGE, Stopped, Visitor
from rekindle.sandbox.serving import running
from tests.conftest import FakeClock


class Host:
    """Answers by path; remembers what was asked, and when."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.pages: dict[str, Callable[[web.Request], web.StreamResponse]] = {}
        self.asked: list[tuple[str, int]] = []
        self.agents: set[str] = set()
        self.origin = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, self._clock()))
        self.agents.add(request.headers["user-agent"])
        page = self.pages.get(request.path)
        return page(request) if page is not None else web.Response(status=404)

    def put(self, path: str, status: int = 200, body: bytes | str = b"<html>", **headers: str) -> None:
        told = {"content-type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = lambda _: web.Response(status=status, body=data, headers=told)

    def robots(self, text: str) -> None:
        self.put("/robots.txt", body=text, content_type="text/plain")


@asynccontextmanager
async def serving(clock: FakeClock) -> AsyncIterator[Host]:
    host = Host(clock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.answer)
    async with running(app) as origin:
        host.origin = origin
        yield host


def visitor(clock: FakeClock, folder: Path, pause_ms: int = 1000) -> Visitor:
    async def sleep(seconds: float) -> None:
        clock.advance(int(seconds * 1000))

    return Visitor(Fetcher(folder, allow_private=True, user_agent="Rekindle/1"), clock, sleep, pause_ms)


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_pages_are_read_one_after_the_other(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:
        for name in "ab":
            host.put(f"/{name}", body=name)
        shop = visitor(clock, tmp_path)
        first, second = [await shop.visit(f"{host.origin}/{name}?secret=1") for name in "ab"]
        assert (first.outcome, first.body, first.final, first.google) == ("read", b"a", f"{host.origin}/a", True)
        assert second.body == b"b"
        assert [path for path, _ in host.asked] == ["/robots.txt", "/a", "/b"], "robots.txt is read once"
        times = [at for _, at in host.asked]
        assert [later - earlier for earlier, later in itertools.pairwise(times)] == [1000, 1000]
        assert host.agents == {"Rekindle/1"}
        assert left(tmp_path) == [], "nothing is left of what was fetched"


@pytest.mark.parametrize(
    ("robots", "outcome", "google"),
    [
        ("User-agent: *\nDisallow: /", "kept-out", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Rekindle\nAllow: /", "read", False),
        ("User-agent: Rekindle\nDisallow: /p/", "kept-out", True),
        ("User-agent: Rekindle\nDisallow: /p/*/private$", "read", True),
        ("User-agent: Rekindle\nDisallow: /\nAllow: /p/", "read", True),
        ("User-agent: Googlebot\nDisallow: /p/", "read", False),
        ("<html>no robots here", "read", True),
    ],
)
async def test_robots_txt_is_honoured(
    robots: str, outcome: str, google: bool, clock: FakeClock, tmp_path: Path
) -> None:
    async with serving(clock) as host:
        host.robots(robots)
        host.put("/p/a")
        seen = await visitor(clock, tmp_path).visit(f"{host.origin}/p/a")
        assert (seen.outcome, seen.google) == (outcome, google)
        assert ("/p/a" in [path for path, _ in host.asked]) == (outcome == "read")


async def test_a_slow_host_is_visited_slowly(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:
        host.robots("User-agent: *\nCrawl-delay: 10")
        host.put("/a")
        host.put("/b")
        shop = visitor(clock, tmp_path)
        for name in "ab":
            await shop.visit(f"{host.origin}/{name}")
        assert host.asked[2][1] - host.asked[1][1] == 10_000


async def test_robots_txt_that_fails_allows_nothing(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:
        host.put("/robots.txt", status=503)
        host.put("/a")
        shop = visitor(clock, tmp_path)
        for _ in range(2):
            with pytest.raises(Stopped, match=r"robots\.txt cannot be read, so nothing is allowed"):
                await shop.visit(f"{host.origin}/a")
        assert [path for path, _ in host.asked] == ["/robots.txt"]


async def test_a_redirect_is_asked_for_at_the_door_of_where_it_leads(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host, serving(clock) as other:
        other.robots("User-agent: *\nDisallow: /closed")
        other.put("/open")
        other.put("/closed")
        for name in ("open", "closed"):
            host.put(f"/{name}", status=301, location=f"{other.origin}/{name}")
        shop = visitor(clock, tmp_path)
        seen = await shop.visit(f"{host.origin}/open")
        assert (seen.outcome, seen.final) == ("read", f"{other.origin}/open")
        assert (await shop.visit(f"{host.origin}/closed")).outcome == "kept-out"
        assert "/closed" not in [path for path, _ in other.asked]


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, "missing"), (410, "missing"), (401, "forbidden"), (403, "forbidden"), (500, "failed")]
)
async def test_what_is_answered_is_an_outcome(status: int, outcome: str, clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:
        host.put("/a", status=status)
        seen = await visitor(clock, tmp_path).visit(f"{host.origin}/a?token=1")
        assert (seen.outcome, seen.status) == (outcome, status)
        assert "token" not in seen.words


async def test_refusals_in_a_row_end_the_visits(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:
        for name in "abde":
            host.put(f"/{name}", status=403)
        host.put("/c")
        shop = visitor(clock, tmp_path)
        assert [(await shop.visit(f"{host.origin}/{name}")).outcome for name in "abcabc"][:3] == [
            "forbidden",
            "forbidden",
            "read",
        ]
        shop = visitor(clock, tmp_path)
        for name in "ab":
            assert (await shop.visit(f"{host.origin}/{name}")).outcome == "forbidden"
        for name in "de":
            with pytest.raises(Stopped, match="refused 3 pages in a row"):
                await shop.visit(f"{host.origin}/{name}")
        assert "/e" not in [path for path, _ in host.asked]


async def test_too_many_visits_are_heard(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:
        answers = [(429, {"retry-after": "7"}), (200, {})]

        def once(_: web.Request) -> web.Response:
            status, headers = answers.pop(0)
            return web.Response(status=status, headers=headers, body=b"x", content_type="text/html")

        host.pages["/a"] = once
        shop = visitor(clock, tmp_path)
        assert (await shop.visit(f"{host.origin}/a")).outcome == "read"
        assert host.asked[2][1] - host.asked[1][1] >= 7_000, "the pause that was asked for"
        host.put("/b", status=429)
        with pytest.raises(Stopped, match="answered 429: too many visits"):
            await shop.visit(f"{host.origin}/b")
        host.put("/c", status=429, retry_after="3600")
        with pytest.raises(Stopped, match="asks for a pause of 3600 s"):
            await visitor(clock, tmp_path).visit(f"{host.origin}/c")


async def test_a_page_that_has_not_changed_is_not_sent_again(clock: FakeClock, tmp_path: Path) -> None:
    async with serving(clock) as host:

        def page(request: web.Request) -> web.Response:
            same = request.headers.get("if-none-match") == '"1"'
            return web.Response(status=304 if same else 200, headers={"etag": '"1"'}, content_type="text/html")

        host.pages["/a"] = page
        shop = visitor(clock, tmp_path)
        seen = await shop.visit(f"{host.origin}/a")
        again = await shop.visit(f"{host.origin}/a", seen.headers["etag"])
        assert (seen.outcome, again.outcome, again.body) == ("read", "same", b"")


async def test_what_is_too_large_or_no_page_is_left(clock: FakeClock, tmp_path: Path) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": "text/html"})
        await response.prepare(request)
        for _ in range(100):  # 100 MB
            try:
                await response.write(b"<p>" * 350_000)
            except ConnectionError:
                break
            sent += 1
        return response

    async with serving(clock) as host:
        host.put("/bomb", body=gzip.compress(b"<b>" * 5_000_000), content_encoding="gzip")
        host.put("/brotli", content_encoding="br")
        host.put("/file", content_type="application/pdf")
        host.put("/loop", status=302, location="/loop")
        shop = visitor(clock, tmp_path, 1)
        told = {name: await shop.visit(f"{host.origin}/{name}") for name in ("bomb", "brotli", "file", "loop")}
        assert {name: each.outcome for name, each in told.items()} == dict.fromkeys(told, "unreadable")
        assert f"larger than {MAX_PAGE} bytes" in told["bomb"].words
        assert "no web page but application/pdf" in told["file"].words
        assert (await shop.visit("ftp://shop.example/a")).outcome == "unreadable"
        assert left(tmp_path) == []
    app = web.Application()
    app.router.add_get("/endless", endless)
    async with running(app) as origin:
        assert (await visitor(clock, tmp_path).visit(f"{origin}/endless")).outcome == "unreadable"
    assert sent < 100, "it was left before the end"


async def test_private_addresses_are_left_alone(clock: FakeClock, tmp_path: Path) -> None:
    async def sleep(_: float) -> None: ...

    shop = Visitor(Fetcher(tmp_path), clock, sleep, 1)
    seen = await shop.visit("http://127.0.0.1:1/a")
    assert (seen.outcome, "use a public address" in seen.words) == ("unreadable", True)
