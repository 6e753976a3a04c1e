"""A real Chromium, the demo shop, the whole of Rekindle and a simulated Meta: consent decides at each step."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page
from rich.console import Console

from rekindle import audiences
from rekindle.cli._demo.run import settled
from rekindle.cli._demo.street import Options, Street, open_street
from rekindle.model.record import Stored, decode
from tests.browser.arrivals import PATIENCE_S
from tests.browser.conftest import OpenContext


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def street(tmp_path_factory: object) -> AsyncIterator[Street]:
    folder: Path = tmp_path_factory.mktemp("street") / "demo"  # type: ignore[attr-defined]
    async with open_street(Options(folder, any_ports=True), Console(file=io.StringIO())) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(open_context: OpenContext) -> Page:
    # Headless Chromium says so, and is then counted as the robot it is.
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
    return await (await open_context(locale="pl-PL", user_agent=agent)).new_page()


async def stored(street: Street) -> list[Stored]:
    records = [decode(entry.value) for entry in await street.installation.log.tail((0, -1), 100_000)]
    return [record for record in records if isinstance(record, Stored)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.05)


async def test_refused_consent_stores_nothing_and_sends_nothing(street: Street, visitor: Page) -> None:
    before, at_meta = len(await stored(street)), len(street.meta.received)
    requests: list[str] = []
    visitor.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    product = street.products[0]
    await visitor.goto(f"{street.addresses.shop}/p/{product.id}")
    await visitor.click("[data-consent=none]")
    await visitor.goto(f"{street.addresses.shop}/p/{product.id}")
    await visitor.wait_for_load_state("networkidle")
    await visitor.goto("about:blank")  # what waits for the page's end would leave now
    await settled(street)
    assert not [request for request in requests if request.endswith("/e")]
    assert len(await stored(street)) == before
    assert len(street.meta.received) == at_meta
    assert "rk_id" not in {cookie.get("name") for cookie in await visitor.context.cookies()}


async def test_granted_consent_brings_the_view_to_meta_with_ids_of_the_feed(street: Street, visitor: Page) -> None:
    product = next(one for one in street.products if one.availability == "in_stock")
    await visitor.goto(f"{street.addresses.shop}/p/{product.id}")
    await visitor.click("[data-consent=all]")
    await until(lambda: product.id in street.meta.content_ids)
    now = await settled(street)
    assert next(match for match in now.match if match.feed == "meta").share == 1.0
    feed = await visitor.request.get(f"{street.addresses.gateway}/feeds/demo/meta.csv")
    assert product.id in await feed.text()
    cookie = next(one for one in await visitor.context.cookies() if one.get("name") == "rk_id")
    assert cookie.get("httpOnly") is True


async def test_what_was_looked_at_comes_back_as_an_ad_and_goes_with_the_consent(street: Street, visitor: Page) -> None:
    product = next(one for one in reversed(street.products) if one.availability == "in_stock" and one.image_link)
    await visitor.goto(f"{street.addresses.shop}/p/{product.id}")
    await visitor.click("[data-consent=all]")
    await until(lambda: product.id in street.meta.content_ids)
    await settled(street)
    ad = f"{street.addresses.shop}/ad/home.json"
    shown = await (await visitor.request.get(ad)).json()
    assert shown["personal"] is True
    assert product.id in [item["id"] for item in shown["items"]]
    before = audiences.sizes(street.installation.database, "demo")
    assert before["viewed_not_bought"] >= 1

    await visitor.goto(street.addresses.shop)
    await visitor.click("#change-consent")
    async with visitor.expect_response(lambda response: response.url.endswith("/e")):
        await visitor.click("[data-consent=none]")
    await settled(street)
    answer = await visitor.request.get(ad)
    assert answer.status == 204 or (await answer.json())["personal"] is False
    after = audiences.sizes(street.installation.database, "demo")
    assert after["viewed_not_bought"] == before["viewed_not_bought"] - 1
