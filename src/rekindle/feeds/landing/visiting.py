"""Visits to pages: one at a time and not too fast, as robots.txt says, and no further where the shop says no.

robots.txt is read as RFC 9309 says: what a host answers with 4xx allows everything, what fails allows nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NoReturn

import msgspec
from protego import Protego

from rekindle.egress.fetch import Fetcher, FetchFailed, FetchRefused, FetchResult, origin
from rekindle.model.clock import Clock

ROBOT: Final = "Rekindle"
"""The name under which robots.txt may speak to us."""

MAX_PAGE: Final = 4 << 20
MAX_ROBOTS: Final = 1 << 20
_PATIENCE_MS = 30_000
"""A longer wait than this that a host asks for ends the visits to it."""
_MOST_DELAY_MS = 60_000
_REFUSALS = 3
_GOOGLE = "Googlebot"

Outcome = Literal["read", "same", "missing", "forbidden", "failed", "unreadable", "kept-out"]
"""``same``: it has not changed since; ``kept-out``: robots.txt does not let us in. All others are what the host did."""

Sleep = Callable[[float], Awaitable[None]]


class Visited(msgspec.Struct, frozen=True):
    """What one visit came to. ``final`` is where the page was found, without parameters; ``words`` tell what went wrong.

    ``google`` is False where robots.txt keeps Google's crawler from the page.
    """

    outcome: Outcome
    final: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    status: int | None = None
    words: str = ""
    google: bool = True


class Stopped(Exception):
    """A host wants no more visits; the message says why, for people."""


class _KeptOut(FetchRefused):
    """robots.txt forbids it."""


class Visitor:
    """Visits pages. ``pause_ms`` lies between two requests to a host, or more where its robots.txt asks for more."""

    def __init__(self, fetch: Fetcher, clock: Clock, sleep: Sleep, pause_ms: int) -> None:
        self._fetch, self._clock, self._sleep, self._pause = fetch, clock, sleep, pause_ms
        self._robots: dict[str, Protego] = {}
        self._next: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        self._closed: dict[str, str] = {}

    async def visit(self, url: str, etag: str | None = None, last_modified: str | None = None) -> Visited:
        """Return what a page answers; a page that was read before may not have changed. Raises `Stopped`."""
        try:
            place = origin(url)
            if place in self._closed:
                raise Stopped(self._closed[place])
            robots = await self._rules(place)
            google = robots.can_fetch(url, _GOOGLE)
            if not robots.can_fetch(url, ROBOT):
                return Visited("kept-out", google=google)
            for again in (True, False):
                try:
                    answer = await self._fetch.get(
                        url, etag=etag, last_modified=last_modified, max_bytes=MAX_PAGE, before=self._let_in
                    )
                except FetchFailed as error:
                    failed = self._failed(place, error, google=google)
                    if failed is None and again:
                        await self._sleep(max(error.after_ms, self._delay(place)) / 1000)
                        continue
                    return failed or Visited("failed", status=error.status, words=str(error), google=google)
                self._refused.pop(place, None)
                return _seen(answer, google=google)
        except _KeptOut:
            return Visited("kept-out")
        except FetchRefused as error:
            return Visited("unreadable", words=str(error))
        raise AssertionError  # the second try returns

    def _failed(self, place: str, error: FetchFailed, *, google: bool) -> Visited | None:
        """Return what a bad answer comes to; None to try once more. Raises `Stopped`."""
        if error.status in (404, 410):
            return Visited("missing", status=error.status, google=google)
        if error.status == 429 or (error.status == 503 and error.after_ms):
            self._count(place, 2, f"{place} answered {error.status}: too many visits")
            if error.after_ms > _PATIENCE_MS:
                self._close(place, f"{place} asks for a pause of {error.after_ms // 1000} s")
            return None
        if error.status in (401, 403):
            self._count(place, _REFUSALS, f"{place} refused {_REFUSALS} pages in a row")
            return Visited("forbidden", status=error.status, google=google)
        return Visited("failed", status=error.status, words=str(error), google=google)

    def _count(self, place: str, most: int, why: str) -> None:
        self._refused[place] = self._refused.get(place, 0) + 1
        if self._refused[place] >= most:
            self._close(place, why)

    def _close(self, place: str, why: str) -> NoReturn:
        self._closed[place] = why
        raise Stopped(why)

    async def _let_in(self, url: str) -> None:
        """Wait for one's turn, and ask robots.txt of every place that a page sends us on to."""
        place = origin(url)
        robots = await self._rules(place)
        if not robots.can_fetch(url, ROBOT):
            raise _KeptOut("robots.txt does not allow it")
        await self._turn(place)

    async def _turn(self, place: str) -> None:
        wait = self._next.get(place, 0) - self._clock()
        if wait > 0:
            await self._sleep(wait / 1000)
        self._next[place] = self._clock() + self._delay(place)

    def _delay(self, place: str) -> int:
        robots = self._robots.get(place)
        asked = robots.crawl_delay(ROBOT) if robots is not None else None
        return min(max(self._pause, int((asked or 0) * 1000)), _MOST_DELAY_MS)

    async def _rules(self, place: str) -> Protego:
        if place not in self._robots:
            self._robots[place] = Protego.parse(await self._robots_txt(place))
        return self._robots[place]

    async def _robots_txt(self, place: str) -> str:
        await self._turn(place)
        try:
            answer = await self._fetch.get(f"{place}/robots.txt", max_bytes=MAX_ROBOTS)
        except FetchFailed as error:
            if error.status is not None and 400 <= error.status < 500 and error.status != 429:
                return ""
            self._close(place, f"{place}/robots.txt cannot be read, so nothing is allowed: {error}")
        return _taken(answer).decode("utf-8", "replace")


def _seen(answer: FetchResult, *, google: bool) -> Visited:
    if answer.status == 304:
        return Visited("same", answer.url, headers=answer.headers, status=304, google=google)
    body = _taken(answer)
    kind = answer.headers.get("content-type", "").lower()
    if kind and "html" not in kind and "xml" not in kind:
        return Visited(
            "unreadable", answer.url, status=answer.status, words=f"no web page but {kind[:60]}", google=google
        )
    return Visited("read", answer.url, body, answer.headers, answer.status, google=google)


def _taken(answer: FetchResult) -> bytes:
    if answer.path is None:
        return b""
    try:
        return Path(answer.path).read_bytes()
    finally:
        answer.path.unlink(missing_ok=True)
