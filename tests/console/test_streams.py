"""Live streams over a real socket: they follow, and they end when the server does or the right is gone."""

from __future__ import annotations

import asyncio

import aiohttp

from rekindle.engines.log import Keyed
from rekindle.model.record import encode
from tests.console.conftest import PASSWORD, House, form_token
from tests.console.serving import serving


async def opened(session: aiohttp.ClientSession, origin: str) -> aiohttp.ClientResponse:
    async with session.get(origin + "/login") as page:
        token = form_token(await page.text())
    async with session.post(
        origin + "/login", data={"name": "ola", "password": PASSWORD, "form_token": token}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
    return await session.get(origin + "/w/shop/live/stream")


async def test_a_stream_follows_and_ends_with_the_server(house: House) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with serving(house.app) as origin:
            stream = await opened(session, origin)
            assert stream.content_type == "text/event-stream"
            assert await stream.content.readline() == b"retry: 2000\n"
            await house.log.append([Keyed("s", encode(house.event("now-1")))])
            async with asyncio.timeout(120):
                while b"now-1" not in (line := await stream.content.readline()):
                    assert line, "the stream ended too early"
        async with asyncio.timeout(120):  # `serving` has returned: the open stream did not hold the server
            await stream.read()
