"""The console in a real browser: no accessibility fault, no breach of its own policy, usable by keyboard alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Page

from rekindle.engines.database import open_database
from rekindle.engines.log import Keyed, SqliteLog
from rekindle.model.record import encode
from tests.browser import _chromium
from tests.browser.conftest import OpenContext
from tests.conftest import FakeClock
from tests.console.conftest import PASSWORD, House
from tests.console.filled import fill
from tests.console.serving import serving
from tests.scratch import fresh_state

AXE = _chromium.TOOLS / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WRAPPED = (
    "[...document.querySelectorAll('main button')].filter(one => one.offsetHeight > 40).map(one => one.textContent)"
)
PATHS = [
    "/w/shop/",
    "/w/shop/live",
    "/w/shop/events/ev-0003",
    "/w/shop/feeds",
    "/w/shop/feeds/google",
    "/w/shop/feeds/meta",
    "/w/shop/feeds/google/categories?q=buty",
    "/w/shop/quality",
    "/w/shop/quality/google",
    "/w/shop/audiences",
    "/w/shop/audiences/viewers",
    "/w/shop/destinations",
    "/w/shop/destinations/meta",
    "/w/shop/policy?ask=effect",
    "/w/shop/ledger",
    "/w/shop/settings",
    "/w/empty/",
    "/w/empty/live",
    "/w/empty/policy",
    "/w/empty/quality",
    "/w/empty/ledger",
    "/nowhere",
    "/",
]


class Console:
    def __init__(self, origin: str, house: House) -> None:
        self.origin = origin
        self.house = house


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def console(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    folder: Path = tmp_path_factory.mktemp("console")
    clock = FakeClock(time.time_ns() // 1_000_000)
    database, log = open_database(fresh_state(folder / "state.db")), SqliteLog(folder / "log.db", clock=clock)
    house = House(database, log, clock)
    house.shops["empty"] = house.empty()
    house.users.create("ola", PASSWORD, {"shop": "owner", "empty": "owner"})
    await fill(house)
    async with serving(house.app) as origin:
        yield Console(origin, house)
    await log.close()
    database.close()


async def logged_in(page: Page, console: Console) -> None:
    await page.goto(console.origin + "/login")
    await page.get_by_label("User name").or_(page.get_by_label("Nazwa użytkownika")).fill("ola")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(console.origin + "/")


async def faults(page: Page) -> list[str]:
    """What axe finds. It is evaluated by the debugger, so the page's own policy stays in force."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})", RULES
    )
    assert len(found["passes"]) > 5, "the rules did run"
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 1440, "light"), ("pl", 1440, "dark"), ("en", 390, "dark"), ("pl", 390, "light")],
)
async def test_no_page_has_an_accessibility_fault(
    open_context: OpenContext, console: Console, language: str, width: int, scheme: Literal["light", "dark"]
):
    _chromium.install()
    context = await open_context(locale=language, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = await context.new_page()
    breaches: list[str] = []
    page.on("console", lambda message: breaches.append(message.text) if "policy" in message.text.lower() else None)
    page.on("pageerror", lambda error: breaches.append(str(error)))
    await page.goto(console.origin + "/login")
    assert await faults(page) == []
    await logged_in(page, console)
    for path in PATHS:
        answer = await page.goto(console.origin + path)
        assert answer is not None
        assert answer.status == (404 if path == "/nowhere" else 200), path
        assert page.url == console.origin + path
        assert await page.evaluate("document.documentElement.lang") == language
        assert await faults(page) == [], path
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        assert await page.evaluate(WRAPPED) == [], f"{path}: a button's words are in two lines"
    assert breaches == []


async def test_live_follows_pauses_and_keeps_a_ring(page: Page, console: Console):
    house = console.house
    await logged_in(page, console)
    await page.goto(console.origin + "/w/shop/live")
    await page.get_by_text("Following").wait_for()
    rows = page.locator("rk-live tbody tr")
    assert await rows.count() == 200
    await house.log.append([Keyed("s", encode(house.event("fresh-1", subject="s1_fresh")))])
    await page.get_by_text("s1_fresh").wait_for()
    assert await rows.count() == 200
    await page.get_by_role("button", name="Pause").click()
    await house.log.append([Keyed("s", encode(house.event("fresh-2", subject="s1_held")))])
    await page.get_by_text("waiting: 1").wait_for()
    assert await page.get_by_text("s1_held").count() == 0
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_text("s1_held").wait_for()
    await rows.first.get_by_role("link").click()
    await page.wait_for_url("**/events/fresh-2")


async def test_the_main_path_by_keyboard(page: Page, console: Console):
    await logged_in(page, console)
    await page.goto(console.origin + "/w/shop/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/w/shop/#main")
    for name, address in (("Feeds", "/feeds"), ("Destinations", "/destinations"), ("Settings", "/settings")):
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name=name)
        for _ in range(200):
            await page.keyboard.press("Tab")
            if await link.evaluate("link => link === document.activeElement"):
                break
        outline = await link.evaluate("link => getComputedStyle(link).outlineStyle")
        assert outline == "solid", "the focus must be seen"
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/w/shop{address}")


async def test_a_category_is_found_by_typing_previewed_and_saved_by_keyboard(page: Page, console: Console):
    await logged_in(page, console)
    await page.goto(console.origin + "/w/shop/feeds/google/categories")
    field = page.get_by_label("Google's category for Home > Covers")
    await field.press_sequentially("narzuty")
    slipcovers = "Home & Garden > Decor > Slipcovers"
    await page.locator(f'rk-pick option[value="{slipcovers}"]').wait_for(state="attached")
    await field.fill(slipcovers)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Preview").wait_for()
    assert await faults(page) == []
    assert await page.get_by_text("google_product_category").count() > 0
    await page.get_by_role("button", name="Save as a rule").focus()
    await page.keyboard.press("Enter")
    await page.get_by_text("of the settings has the mapping").wait_for()
    assert console.house.versions.live()["shop"].feeds["google"].rule[-1].do == "category"


async def test_times_are_shown_in_the_readers_zone(open_context: OpenContext, console: Console):
    context = await open_context(locale="en-GB", timezone_id="Asia/Tokyo")
    page = await context.new_page()
    await logged_in(page, console)
    await page.goto(console.origin + "/w/shop/ledger")
    time_element = page.locator("rk-time time").first
    shown, title = await time_element.inner_text(), await time_element.get_attribute("title")
    assert title is not None
    assert title.endswith("UTC")
    assert shown[-8:] != title[-12:-4]


async def test_pages_work_without_script(open_context: OpenContext, console: Console):
    context = await open_context(locale="en-GB", java_script_enabled=False)
    page = await context.new_page()
    await logged_in(page, console)
    await page.goto(console.origin + "/w/shop/live?event=purchase")
    assert await page.locator("tbody tr").count() > 10
    assert "UTC" in await page.locator("time").first.inner_text()
