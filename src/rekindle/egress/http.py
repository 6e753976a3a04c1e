"""The way out over HTTP: one method, so that a test or a user can put anything in its place."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp

from rekindle.egress._addresses import forbidden
from rekindle.egress._names import Names, PublicNames
from rekindle.egress.connector import Answer, Limits, OutRequest


class TransportFailed(Exception):
    """No answer: refused, reset, timed out, cut short. The request may have arrived all the same."""


class Transport(Protocol):
    """Sends one request and returns the answer. Raises `TransportFailed`."""

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        """Send; follow no redirects; read at most ``limits.answer_bytes``."""
        ...


class MockTransport:
    """Answers with ``handler`` and keeps what was sent, for tests and for trying a mapping."""

    def __init__(self, handler: Callable[[OutRequest], Answer]) -> None:
        self._handler = handler
        self.requests: list[OutRequest] = []

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        self.requests.append(request)
        return self._handler(request)


class HttpTransport:
    """aiohttp with one pool for all lanes. ``allow_private`` lets it reach addresses of the local network."""

    def __init__(self, *, allow_private: bool = False, connections_per_host: int = 64) -> None:
        self._allow_private = allow_private
        self._connections = connections_per_host
        self._session: aiohttp.ClientSession | None = None
        self._names: Names | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._names = Names()
            connector = aiohttp.TCPConnector(
                resolver=self._names if self._allow_private else PublicNames(self._names),
                # No limit in common: the lanes bound themselves, and dead platforms must not take the others' place.
                limit=0,
                limit_per_host=self._connections,
            )
            # A cookie jar would carry one shop's platform cookies into another's requests.
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        timeout = aiohttp.ClientTimeout(total=limits.timeout_ms / 1000)
        try:
            self._refuse_private_literal(request.url)
            async with self._open().request(
                request.method,
                request.url,
                data=request.body,
                headers=dict(request.headers),
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                body = await _read(response.content, limits.answer_bytes)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, body)
        except TimeoutError:
            raise TransportFailed(f"no answer within {limits.timeout_ms} ms") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransportFailed(_words(error)) from None

    def _refuse_private_literal(self, url: str) -> None:
        if self._allow_private:
            return
        host = urlsplit(url).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return  # a name: the resolver judges what it stands for, at the moment of connecting
        if forbidden(host):
            raise TransportFailed("the address is private; set REKINDLE_ALLOW_PRIVATE_ADDRESSES to reach it")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._names is not None:
            # The session closes only resolvers that it has made.
            await self._names.close()
            self._names = None

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


_WORDS = (
    (aiohttp.ClientConnectorDNSError, "the host's name was not found"),
    (aiohttp.ClientConnectorCertificateError, "the host's certificate is not valid"),
    (aiohttp.ClientConnectorError, "no connection to the host"),
    (aiohttp.ServerDisconnectedError, "the host broke the connection off"),
)


def _words(error: Exception) -> str:
    # The library's messages can quote the URL; ours, and a class's name, cannot.
    return next((words for kind, words in _WORDS if isinstance(error, kind)), type(error).__name__)


async def _read(content: aiohttp.StreamReader, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in content.iter_chunked(65_536):
        parts.append(chunk[: most - size])
        size += len(chunk)
        if size >= most:
            break
    return b"".join(parts)
