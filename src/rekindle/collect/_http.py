"""The few things of HTTP that the gateway does itself: peers behind proxies, JSON errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Protocol

import msgspec

from rekindle.collect.answers import Refusal

Headers = list[tuple[str, str]]


class RequestHeaders(Protocol):
    """Header names are lower case."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """One RSGI request's head (RSGI 1.6)."""

    proto: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None

    @property
    def headers(self) -> RequestHeaders: ...


class Stream(Protocol):
    """An answer that is sent part by part."""

    async def send_bytes(self, data: bytes) -> None: ...


class Protocol_(Protocol):  # noqa: N801 -- RSGI's own word is taken by typing
    """One RSGI request's body and answer."""

    async def __call__(self) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_file(self, status: int, headers: Headers, file: str) -> None: ...
    def response_file_range(self, status: int, headers: Headers, file: str, start: int, end: int) -> None: ...
    def response_stream(self, status: int, headers: Headers) -> Stream: ...


class Refused(Exception):
    """Answer with an error: ``status``, a stable ``code``, what to do about it, more headers. Carries no input."""

    def __init__(self, status: int, code: str, remedy: str, headers: Headers | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.remedy = status, code, remedy
        self.headers = headers or []

    def body(self) -> bytes:
        """Return the JSON that the sender gets."""
        return msgspec.json.encode(Refusal(self.code, self.remedy))


class Proxies:
    """Tells the visitor's address and scheme, believing forwarded headers only from the proxies that are trusted."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: list[IPv4Network | IPv6Network] = [ip_network(network, strict=False) for network in trusted]

    def read(self, scope: Scope) -> tuple[str, str]:
        """Return address and scheme of the request's true sender."""
        peer, scheme = _address(scope.client), scope.scheme or "http"
        if not self._trusted or not self._trusts(peer):
            return peer, scheme
        forwarded_scheme = (scope.headers.get("x-forwarded-proto") or "").split(",")[-1].strip().lower()
        if forwarded_scheme in {"http", "https"}:
            scheme = forwarded_scheme
        # Each proxy adds its peer at the right; the first from there that is none of ours is the visitor.
        for hop in reversed((scope.headers.get("x-forwarded-for") or "").split(",")):
            address = hop.strip()
            if not _is_address(address):
                break
            peer = address
            if not self._trusts(address):
                break
        return peer, scheme

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _address(client: str) -> str:
    host = client.rpartition(":")[0] or client
    return host.strip("[]")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def quietly(work: Callable[[], None]) -> None:
    """Answer; when the client has gone in the meantime there is nobody to tell."""
    try:
        work()
    except RuntimeError:
        return
