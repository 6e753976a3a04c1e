"""A way to a server that breaks once so many bytes have gone up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def cut_after(port: int, limit: int) -> AsyncIterator[tuple[int, list[int]]]:
    """A way to the server that breaks once so many bytes have gone up; yields its port and what went through."""
    passed = [0]
    served: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        while block := await reader.read(16_384):
            passed[0] += len(block) if up else 0
            if passed[0] > limit:
                return
            writer.write(block)
            await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", port)
        ways = [
            asyncio.create_task(carry(reader, inner, True)),
            asyncio.create_task(carry(inner_reader, writer, False)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for each in (writer, inner):
            each.transport.abort()
            with suppress(OSError):
                await each.wait_closed()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        served.add(task)
        await task

    proxy = await asyncio.start_server(take, "127.0.0.1", 0)
    async with proxy:
        yield proxy.sockets[0].getsockname()[1], passed
        await asyncio.gather(*served, return_exceptions=True)
