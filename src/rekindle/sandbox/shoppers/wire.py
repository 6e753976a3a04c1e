"""The wire: what a call is, how it travels, and the browser's cookies."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Protocol

import aiohttp
import msgspec


class Call(msgspec.Struct, frozen=True):
    """One HTTP request of a shopper's browser or of the shop's server."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Reply(msgspec.Struct, frozen=True):
    """The answer; ``set_cookies`` are the values of its ``Set-Cookie`` headers."""

    status: int
    set_cookies: tuple[str, ...] = ()
    body: bytes = b""


class Transport(Protocol):
    """Sends one call. Raises `OSError` when no answer came; the call may then have arrived or not."""

    async def __call__(self, call: Call) -> Reply: ...


class HttpTransport:
    """Real HTTP to a gateway, or to a shop that hands its paths on. ``base`` is like ``http://127.0.0.1:8700``."""

    def __init__(self, session: aiohttp.ClientSession, base: str, *, timeout_s: float = 20) -> None:
        self._session = session
        self._base = base.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def __call__(self, call: Call) -> Reply:
        try:
            async with self._session.request(
                call.method,
                self._base + call.path,
                headers=call.headers,
                data=call.body or None,
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                return Reply(answer.status, tuple(answer.headers.getall("Set-Cookie", ())), await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(type(error).__name__) from error


def keep_cookies(jar: dict[str, str], reply: Reply) -> None:
    """Keep and drop cookies as a browser does."""
    for header in reply.set_cookies:
        try:
            parsed = SimpleCookie(header)
        except CookieError:
            continue
        for name, morsel in parsed.items():
            if morsel["max-age"] == "0":
                jar.pop(name, None)
            else:
                jar[name] = morsel.value


def cookie_header(jar: dict[str, str]) -> dict[str, str]:
    """Return the ``Cookie`` header, where there is something in the jar."""
    return {"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
