"""A real Chromium for the tests of this folder, one for the session, a fresh profile for each test.

The tests are coroutines on one event loop (Playwright's), so they carry the session's loop scope.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from rekindle.sandbox.serving import running
from tests.browser import _chromium
from tests.browser.arrivals import PATIENCE_S
from tests.browser.site import Site

OpenContext = Callable[..., Awaitable[BrowserContext]]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            if isinstance(item, pytest.Function) and item.obj.__code__.co_flags & 0x80:  # a coroutine function
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def chromium() -> _chromium.Chromium:
    try:
        return _chromium.find()
    except _chromium.NoNodeError as reason:
        pytest.skip(str(reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: _chromium.Chromium) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=chromium.executable,
            env={**os.environ, **chromium.env},
            args=_chromium.FLAGS,
            timeout=PATIENCE_S * 1000,
        )
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_context(browser: Browser) -> AsyncIterator[OpenContext]:
    """Opens a fresh profile with the options it is given; it is closed when the test ends."""
    async with AsyncExitStack() as opened:

        async def open_one(**options: Any) -> BrowserContext:
            context = await browser.new_context(**options)
            opened.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_S * 1000)
            return context

        yield open_one


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, open_context: OpenContext) -> BrowserContext:
    major = browser.version.split(".")[0]
    # Under its own name ("HeadlessChrome") the gateway would take it for the robot it is.
    agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
    return await open_context(locale="en-GB", user_agent=agent)


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    made = Site()
    async with running(made.application()) as origin:
        made.origin = origin
        yield made
