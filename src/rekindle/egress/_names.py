"""Look up host names on threads of their own, and leave out addresses that nothing from here may reach."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from rekindle.egress._addresses import forbidden

_AT_ONCE: Final = 16
_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Names(AbstractResolver):
    """The system's own lookup (``getaddrinfo``), at most sixteen at once.

    The event loop's threads do the work of the database: a name server that does not answer for half a minute must not
    take them from it.
    """

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        """``look_up`` takes and returns what ``socket.getaddrinfo`` does."""
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="names")

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        """Return the addresses of a host. Raises `OSError` when there are none."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._look_up, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
        )
        return [
            ResolveResult(hostname=host, host=_text(address), port=address[1], family=kind, proto=protocol, flags=_NUMERIC)
            for kind, _type, protocol, _name, address in found
            if kind in (socket.AF_INET, socket.AF_INET6)
        ]  # fmt: skip

    async def close(self) -> None:
        """Give the threads up; a lookup in progress ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class PublicNames(AbstractResolver):
    """Leaves out private addresses at the moment of connecting, so that a name cannot point inward later."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        """Return the public addresses of a host. Raises `OSError` when there are none."""
        found = await self._inner.resolve(host, port, family)
        public = [entry for entry in found if not forbidden(entry["host"])]
        if not public:
            raise OSError("the name has no public address")
        return public

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._inner.close()


def _text(address: Any) -> str:
    # A link-local address of IPv6 is one only together with its interface.
    scope = address[3] if len(address) > 3 else 0
    return f"{address[0]}%{scope}" if scope and "%" not in address[0] else str(address[0])
