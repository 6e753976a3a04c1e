"""Walk an account: ask, read, wait as told, write the records down, and be able to stop after any answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from rekindle.catalog.account import Account, Ask, Cursor, Manifest, Read, Scope, Trouble
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.fetch import FetchFailed, FetchRefused, FetchResult
from rekindle.egress.http import Transport, TransportFailed
from rekindle.egress.request import host_of
from rekindle.model.clock import Clock

MOST_FAILURES: Final = 8
"""Faults in a row after which a walk rests; it goes on from there later."""

MOST_RESTARTS: Final = 3
_FILE_FAILURES: Final = 3
_BASE_MS: Final = 500
_CAP_MS: Final = 60_000
_REST_MS: Final = 300_000
_DENIED_MS: Final = 900_000

Sleep = Callable[[float], Awaitable[None]]
Progress = Callable[[int], None]


class WalkStopped(Exception):
    """The walk cannot go on now; the message says why. ``lost``: where it was is of no use any more."""

    def __init__(self, reason: str, words: str, *, next_ms: int, lost: bool = False) -> None:
        super().__init__(words)
        self.reason, self.words, self.next_ms, self.lost = reason, words, next_ms, lost


class Download(Protocol):
    """Fetches a file by its address (`rekindle.egress.fetch.Fetcher.get`)."""

    async def get(self, url: str, /) -> FetchResult:
        """Fetch it. Raises `FetchRefused` and `FetchFailed`."""
        ...


class Place(msgspec.Struct, frozen=True):
    """How far a walk is: the next cursor (None: at its end), and the file's bytes and records that belong to it."""

    cursor: Cursor | None
    started_ms: int
    size: int = 0
    records: int = 0
    failures: int = 0
    restarts: int = 0
    next_ms: int = 0
    origins: tuple[str, ...] = ()


class Walker:
    """Walks of every account. ``random`` (0 to 1) spreads what is tried again; ``sleep`` takes seconds."""

    def __init__(
        self, transport: Transport, download: Download, clock: Clock, sleep: Sleep, random: Callable[[], float]
    ) -> None:
        self._transport, self._download, self._clock = transport, download, clock
        self._sleep, self._random = sleep, random

    def start(self, account: Account, scope: Scope) -> Place:
        """Return the place where a walk begins."""
        return Place(account.begin(scope), self._clock())

    async def go(
        self,
        account: Account,
        manifest: Manifest,
        place: Place,
        file: Path,
        *,
        scope: Scope,
        save: Callable[[Place], Awaitable[None]] | None = None,
        until_ms: int | None = None,
        progress: Progress | None = None,
    ) -> Place:
        """Go on from ``place`` to the end, or until the moment ``until_ms``; return where it is then.

        ``file`` holds the records of the walk so far; whatever is in it beyond the place is cut off. After each answer
        the records are on disk before ``save`` is told the new place. Raises `WalkStopped`.
        """
        walk = _Walk(self, account, manifest, place, file, scope, save)
        await asyncio.to_thread(_cut, file, place.size)
        while walk.place.cursor is not None:
            if progress:
                progress(walk.place.records)
            wait = walk.place.next_ms - self._clock()
            if until_ms is not None and max(self._clock(), walk.place.next_ms) >= until_ms:
                return walk.place
            if wait > 0:
                await self._sleep(wait / 1000)
            await walk.step(walk.place.cursor)
        if progress:
            progress(walk.place.records)
        return walk.place

    async def send(self, account: Account, manifest: Manifest, ask: Ask) -> Answer | Trouble:
        """Send one request to a host of the account."""
        if host_of(ask.url) not in account.hosts:
            return Trouble("broken", f"{manifest.name} asks a host that its settings do not name")
        limits = Limits(batch=1, timeout_ms=manifest.timeout_ms, answer_bytes=manifest.answer_bytes)
        try:
            return await self._transport.send(OutRequest(ask.method, ask.url, ask.headers, ask.body, ()), limits)
        except TransportFailed as failed:
            return Trouble("again", str(failed))

    async def fetch(self, ask: Ask) -> Path | Trouble:
        """Fetch a file of lines into the fetcher's folder."""
        try:
            found = await self._download.get(ask.url)
        except FetchRefused as refused:
            return Trouble("broken", str(refused))
        except FetchFailed as failed:
            return Trouble("again", str(failed))
        return found.path or Trouble("again", "the file did not come")

    def later(self, failures: int, after_ms: int) -> int:
        """Return when to try again: what the platform asked for, and a spread that doubles with each failure."""
        spread = min(_CAP_MS, _BASE_MS << min(failures, 16))
        return self._clock() + after_ms + int(self._random() * spread)

    @property
    def now(self) -> int:
        """The moment."""
        return self._clock()


class _Walk:
    """One walk under way."""

    def __init__(
        self, walker: Walker, account: Account, manifest: Manifest, place: Place, file: Path, scope: Scope,
        save: Callable[[Place], Awaitable[None]] | None,
    ) -> None:  # fmt: skip
        self.place = place
        self._walker, self._account, self._manifest, self._scope = walker, account, manifest, scope
        self._file, self._save = file, save
        self._token: str | None = None
        self._renewed = False

    async def step(self, cursor: Cursor) -> None:
        """Ask for one cursor and go to the next, or stay and say until when."""
        if self._token is None:
            token = await self._login()
            if isinstance(token, Trouble):
                await self._suffer(token)
                return
            self._token = token
        ask = self._account.ask(cursor, self._token)
        if ask.lines:
            await self._take_file(cursor, ask)
            return
        sent = self._walker.now
        answer = await self._walker.send(self._account, self._manifest, ask)
        read = answer if isinstance(answer, Trouble) else self._account.read(cursor, answer)
        if isinstance(read, Trouble):
            await self._suffer(read)
            return
        pace = int(1000 / self._manifest.per_second) if self._manifest.per_second else 0
        lines = msgspec.json.Encoder().encode_lines(read.records) if read.records else b""
        await self._move(read, lines, len(read.records), max(sent + pace, self._walker.now + read.pause_ms))

    async def _login(self) -> str | Trouble:
        ask = self._account.login()
        if ask is None:
            return ""
        answer = await self._walker.send(self._account, self._manifest, ask)
        return answer if isinstance(answer, Trouble) else self._account.token(answer)

    async def _take_file(self, cursor: Cursor, ask: Ask) -> None:
        path = await self._walker.fetch(ask)
        if isinstance(path, Trouble):
            if path.kind == "again" and self.place.failures + 1 >= _FILE_FAILURES:
                path = Trouble("restart", path.words)  # its address has expired, most likely
            await self._suffer(path)
            return
        read = self._account.read(cursor, Answer(200))
        try:
            if isinstance(read, Trouble):
                await self._suffer(read)
                return
            size, lines = await asyncio.to_thread(_append_file, self._file, path)
        finally:
            path.unlink(missing_ok=True)
        await self._arrive(read, size, lines, self._walker.now)

    async def _move(self, read: Read, lines: bytes, number: int, next_ms: int) -> None:
        if lines:
            await asyncio.to_thread(_append, self._file, lines)
        await self._arrive(read, len(lines), number, next_ms)

    async def _arrive(self, read: Read, size: int, number: int, next_ms: int) -> None:
        self._renewed = False
        place = self.place
        # A whole walk sees everything, so it need not remember what it saw.
        origins = () if self._scope.whole else (*place.origins, *read.origins)
        await self._be(
            Place(
                read.next, place.started_ms, place.size + size, place.records + number, 0, place.restarts,
                next_ms, origins,
            )
        )  # fmt: skip

    async def _suffer(self, trouble: Trouble) -> None:
        """Wait, try again, start again, or give up for now."""
        place, now = self.place, self._walker.now
        match trouble.kind:
            case "wait":
                await self._be(msgspec.structs.replace(place, next_ms=self._walker.later(0, trouble.after_ms)))
            case "again" if place.failures + 1 < MOST_FAILURES:
                failures = place.failures + 1
                again = self._walker.later(failures, trouble.after_ms)
                await self._be(msgspec.structs.replace(place, failures=failures, next_ms=again))
            case "again":
                rest = now + max(_REST_MS, trouble.after_ms)
                await self._be(msgspec.structs.replace(place, failures=0, next_ms=rest))
                raise WalkStopped("unreachable", f"{trouble.words}; {MOST_FAILURES} times in a row", next_ms=rest)
            case "restart" if place.restarts < MOST_RESTARTS:
                await asyncio.to_thread(_cut, self._file, 0)
                again = self._walker.later(place.restarts, trouble.after_ms)
                start = self._account.begin(self._scope)
                await self._be(Place(start, now, restarts=place.restarts + 1, next_ms=again))
            case "restart":
                rest = now + _REST_MS
                raise WalkStopped("restarted", f"{trouble.words}; {MOST_RESTARTS} times", next_ms=rest, lost=True)
            case "denied" if self._token and not self._renewed:
                self._renewed, self._token = True, None  # the token may have lived its life
            case "denied":
                rest = now + _DENIED_MS
                await self._be(msgspec.structs.replace(place, next_ms=rest))
                raise WalkStopped("denied", trouble.words, next_ms=rest)
            case "broken":
                raise WalkStopped("broken", trouble.words, next_ms=now + _REST_MS, lost=True)

    async def _be(self, place: Place) -> None:
        self.place = place
        if self._save is not None:
            await self._save(place)


def _cut(file: Path, size: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.truncate(size)


def _append(file: Path, lines: bytes) -> None:
    with file.open("ab") as out:
        out.write(lines)
        out.flush()
        os.fsync(out.fileno())


def _append_file(file: Path, more: Path) -> tuple[int, int]:
    """Append the file ``more``; return bytes and lines, ending with a line's end."""
    before = file.stat().st_size
    number, last = 0, b"\n"
    with file.open("ab") as out, more.open("rb") as given:
        while block := given.read(1 << 20):
            number += block.count(b"\n")
            last = block[-1:]
            out.write(block)
        if last != b"\n":
            number += 1
            out.write(b"\n")
        out.flush()
        os.fsync(out.fileno())
    return file.stat().st_size - before, number
