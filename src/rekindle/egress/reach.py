"""Where something from here may connect to, and how a transfer that did not end well is told.

The name is resolved once, every address is checked, and the connection goes to a checked address only, so that a name
that answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from socket import SOCK_STREAM

from rekindle.egress._addresses import forbidden

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the IP addresses of a host name. Raises `OSError`."""


class TransferRefused(Exception):
    """It cannot be done so, and a person has to change something.

    The message names place and remedy, never user, password or query.
    """


class TransferFailed(Exception):
    """The transfer failed this time (network, time, room); trying again later may help.

    ``after_ms`` is how long the other side asks to be left alone.
    """

    def __init__(self, message: str, after_ms: int = 0) -> None:
        super().__init__(message)
        self.after_ms = after_ms


class Reach:
    """Checked addresses of hosts. ``allow_private`` is for the sandbox and for servers inside one's own network."""

    def __init__(self, *, allow_private: bool = False, resolve: Resolve | None = None) -> None:
        self._allow_private = allow_private
        self._resolve = resolve or _system_resolve

    async def addresses(self, host: str, port: int, place: str) -> list[str]:
        """Return the addresses of a host, at least one; ``place`` is how messages name it.

        Raises `TransferRefused` for a private one, `TransferFailed` when the name has none.
        """
        try:
            addresses = await self._resolve(host, port)
        except OSError:
            addresses = []
        if not addresses:
            raise TransferFailed(f"{place}: the name {host} has no address; check it")
        if not self._allow_private:
            for address in addresses:
                if why := forbidden(address):
                    raise TransferRefused(f"{place}: leads to {why} address; use a public address")
        return addresses


async def _system_resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
