"""Fetch a file by an address that a person wrote: guarded against private networks, bounded in size and time.

Where the connection goes is checked by `Reach`, and so is every redirect.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import zlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily
from typing import Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from rekindle.egress.answers import retry_after_ms
from rekindle.egress.connector import Answer
from rekindle.egress.reach import Reach, Resolve, TransferFailed, TransferRefused

MAX_REDIRECTS: Final = 5
_BLOCK: Final = 1 << 16
Before = Callable[[str], Awaitable[None]]
"""Told the address of each request; it may wait, or raise what is to end the fetch."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_RATIO: Final = 200
_FREE_BYTES: Final = 64 << 20


class FetchRefused(TransferRefused):
    """The address must not or cannot be used; the message names place and remedy, never user, password or query."""


class FetchFailed(TransferFailed):
    """The transfer failed this time (network, time, status); trying again later may help.

    ``status`` is the answer's, None where none came.
    """

    def __init__(self, message: str, after_ms: int = 0, status: int | None = None) -> None:
        super().__init__(message, after_ms)
        self.status = status


class FetchResult(msgspec.Struct, frozen=True):
    """``status`` is 200 with ``path``, a file that the caller removes, or 304 without one. Header names are lower case.

    ``url`` is where the answer came from, without user, password and query.
    """

    status: int
    path: Path | None
    headers: Mapping[str, str]
    url: str
    etag: str | None = None
    last_modified: str | None = None


class Fetcher:
    """Guarded GET. ``allow_private`` is for the sandbox and for feeds inside one's own network."""

    def __init__(
        self,
        folder: Path,
        *,
        allow_private: bool = False,
        timeout_seconds: float = 600,
        resolve: Resolve | None = None,
        user_agent: str = "Rekindle",
    ) -> None:
        self._folder, self._reach = folder, Reach(allow_private=allow_private, resolve=resolve)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=20, sock_read=60)
        self._user_agent = user_agent

    async def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        max_bytes: int = 4 << 30,
        before: Before | None = None,
    ) -> FetchResult:
        """Fetch ``url`` into a new file of the folder.

        ``etag`` and ``last_modified`` of an earlier answer make the request conditional. ``max_bytes`` bounds the file,
        unpacked. ``before`` is asked before every request, those of redirects too. Raises `FetchRefused` and `FetchFailed`.
        """
        headers = {"User-Agent": self._user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        current = _parsed(url)
        try:
            for _ in range(MAX_REDIRECTS + 1):
                if before is not None:
                    await before(str(current))
                addresses = await self._checked(current)
                answer = await self._once(current, addresses, headers, max_bytes)
                if isinstance(answer, FetchResult):
                    return answer
                current = _parsed(str(current.join(answer)))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise FetchFailed(f"{shown(current)}: {reason}; the transfer did not end well") from None
        raise FetchRefused(f"{shown(current)}: more than {MAX_REDIRECTS} redirects; use the final address")

    async def _checked(self, url: URL) -> list[str]:
        try:
            return await self._reach.addresses(url.host or "", url.port or 443, shown(url))
        except TransferRefused as error:
            raise FetchRefused(str(error)) from None
        except TransferFailed as error:
            raise FetchFailed(str(error)) from None

    async def _once(self, url: URL, addresses: list[str], headers: dict[str, str], max_bytes: int) -> FetchResult | URL:
        connector = aiohttp.TCPConnector(resolver=_Pinned(addresses), use_dns_cache=False, force_close=True)
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.get(_pinned_url(url, addresses), headers=headers, allow_redirects=False) as response,
        ):
            found = {name.lower(): value for name, value in response.headers.items()}
            if response.status in _REDIRECTS and "location" in found:
                try:
                    return URL(found["location"])
                except ValueError:
                    raise FetchRefused(f"{shown(url)}: redirects to something that is no address") from None
            path: Path | None = None
            if response.status == 200:
                path = await self._save(response, found, shown(url), max_bytes)
            elif response.status != 304:
                wait = retry_after_ms(Answer(response.status, found, b""))
                raise FetchFailed(f"{shown(url)}: answered with status {response.status}", wait, response.status)
            return FetchResult(response.status, path, found, shown(url), found.get("etag"), found.get("last-modified"))

    async def _save(
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str], place: str, max_bytes: int
    ) -> Path:
        coding = headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise FetchRefused(f"{place}: unknown content encoding {coding[:40]!r}; serve it plain or with gzip")
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix="fetch-")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                sink = _Sink(out.write, max_bytes, place, gzip=bool(coding) and coding != "identity")
                async for block in response.content.iter_chunked(_BLOCK):
                    await asyncio.to_thread(sink.take, block)
                sink.finish()
        except BaseException:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - one system call
            raise
        return path


class _Sink:
    """Writes what arrives, unpacked, and stops at the caps."""

    def __init__(self, write: Callable[[bytes], int], max_bytes: int, place: str, *, gzip: bool) -> None:
        self._write, self._max, self._place = write, max_bytes, place
        self._unpacker = zlib.decompressobj(31) if gzip else None
        self._arrived = self._written = 0

    def take(self, block: bytes) -> None:
        self._arrived += len(block)
        if self._unpacker is None:
            self._put(block)
            return
        rest = block
        while rest:
            try:
                self._put(self._unpacker.decompress(rest, _BLOCK * 16))
            except zlib.error:
                raise FetchFailed(f"{self._place}: the gzip of the answer is damaged") from None
            rest = self._unpacker.unconsumed_tail
            if not rest and self._unpacker.eof and self._unpacker.unused_data:
                rest = self._unpacker.unused_data
                self._unpacker = zlib.decompressobj(31)

    def finish(self) -> None:
        if self._unpacker is not None and not self._unpacker.eof:
            raise FetchFailed(f"{self._place}: the gzip of the answer ends too early")

    def _put(self, block: bytes) -> None:
        self._written += len(block)
        if self._written > self._max:
            raise FetchRefused(f"{self._place}: larger than {self._max} bytes; split it or raise the limit")
        if self._unpacker and self._written > _FREE_BYTES and self._written > self._arrived * _MAX_RATIO:
            raise FetchRefused(f"{self._place}: unpacks to more than {_MAX_RATIO} times its size")
        self._write(block)


class _Pinned(AbstractResolver):
    """Gives the checked addresses and asks nobody."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=AF_INET6 if ":" in address else AF_INET,
                proto=0,
                flags=0,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _pinned_url(url: URL, addresses: list[str]) -> URL:
    """Put the checked form of an address literal into the URL, because a literal is used without a resolver."""
    host = url.host or ""
    if ":" in host or host.replace(".", "").isdigit():
        return url.with_host(addresses[0])
    return url


def _parsed(url: str) -> URL:
    try:
        parsed = URL(url)
    except ValueError:
        raise FetchRefused("the address cannot be read; write https://host/path") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise FetchRefused(f"{shown(parsed)}: only http and https addresses are fetched")
    return parsed


def origin(url: str) -> str:
    """Return scheme, host and port of an address. Raises `FetchRefused` for one that is not fetched."""
    return str(_parsed(url).origin())


def shown(url: URL | str) -> str:
    """Return an address for messages and tables: without user, password, query and fragment."""
    try:
        parsed = URL(url) if isinstance(url, str) else url
        return str(parsed.with_user(None).with_query(None).with_fragment(None)) if parsed.host else str(parsed.scheme)
    except ValueError:
        return "address"
