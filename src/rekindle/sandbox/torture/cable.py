"""The line between the worker and the platform, which can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

Mode = Literal["open", "refuse", "mute"]


class Cable:
    """Carries TCP to ``port`` of this machine. ``refuse`` resets at once, ``mute`` resets in place of an answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._mode: Mode = "open"
        self._ends: set[asyncio.StreamWriter] = set()
        self._calls: set[asyncio.Task[None]] = set()

    def switch(self, mode: Mode) -> None:
        """Change what becomes of connections; those that are there are reset unless the line is opened."""
        self._mode = mode
        if mode == "refuse":
            for end in list(self._ends):
                end.transport.abort()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[int]:
        """Listen for the length of the block; yields the port."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.current_task()
        if call is not None:
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        self._ends.add(writer)
        other: asyncio.StreamWriter | None = None
        try:
            if self._mode == "refuse":
                return
            far, other = await asyncio.open_connection("127.0.0.1", self._port)
            self._ends.add(other)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, other, answers=False))
                group.create_task(self._pump(far, writer, answers=True))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            return  # cancelled only when the line is taken away, and nobody waits for this task
        finally:
            for end in (writer, other):
                if end is not None:
                    self._ends.discard(end)
                    end.transport.abort()
                    with suppress(OSError):
                        await end.wait_closed()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(65_536):
            if answers and self._mode != "open":
                break
            target.write(data)
            await target.drain()
        # Whichever side ends, both do: a half-open line would hold a request until its time is over.
        raise ConnectionResetError
