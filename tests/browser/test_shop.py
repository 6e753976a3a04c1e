"""A visitor goes through the demo shop, and the tag tells what the shop's pages say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page

from rekindle.model.event import Event
from rekindle.model.web import Request, Response, Route
from rekindle.sandbox import proxy
from rekindle.sandbox.serving import application, running
from rekindle.sandbox.shop import load_catalog, routes
from rekindle.tags import routes as tag_routes
from rekindle.workspace import Shop, Tag, Workspace
from tests.browser.arrivals import Arrivals

WORKSPACE = Workspace(
    shop=Shop(name="halny", title="Halny", origins=[], country="PL", currency="PLN"), tag=Tag(batch_ms=100)
)


class Street(Arrivals):
    """The shop with a gateway behind it that keeps the events it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.origin = ""
        self.ads: list[str] = []

    async def heard(self, name: str) -> dict[str, Any]:
        """Wait for an event; return the latest of its name."""
        return (await self.until_named(name))[-1]

    async def collect(self, request: Request) -> Response:
        events = json.loads(request.body)["events"]
        msgspec.convert(events, list[Event], strict=True, dec_hook=lambda kind, value: kind(value))
        await self.add(events)
        return Response(status=204)

    async def ad(self, request: Request) -> Response:
        self.ads.append(request.path)
        if request.path == "/ad/cart":
            return Response(status=204)
        return Response(headers={"content-type": "text/html"}, body=b"<p>An advertisement</p>")

    def gateway(self) -> web.Application:
        own = [
            Route(methods=frozenset({"POST"}), path="/e", handler=self.collect),
            Route(methods=frozenset({"GET"}), path="/ad/*", handler=self.ad),
        ]
        return application([*tag_routes(lambda request: WORKSPACE), *own])


@pytest_asyncio.fixture(loop_scope="session")
async def street() -> AsyncIterator[Street]:
    made = Street()
    async with running(made.gateway()) as gateway:
        shop = application(routes(load_catalog(), order_number=lambda: "ORDER1"))
        proxy.mount(shop, gateway)
        async with running(shop) as origin:
            made.origin = origin
            yield made


async def test_from_the_first_page_to_the_order(street: Street, page: Page):
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    await page.goto(street.origin + "/en")
    await page.get_by_role("button", name="Accept all").click()
    listed = await street.heard("view_item_list")
    assert listed["consent"]["ad_personalization"] == "granted"
    async with page.expect_navigation():  # both pages have cards
        await page.get_by_role("link", name="Tents").first.click()
    await page.locator(".card a").first.click()
    view = await street.heard("view_item")
    (item,) = view["ecommerce"]["items"]
    assert item["item_id"] in {product.id for product in load_catalog()}
    assert view["ecommerce"]["value"] == item["price"]
    assert (await street.heard("select_item"))["ecommerce"]["items"][0]["item_id"] == item["item_id"]
    await page.get_by_label("Quantity").fill("2")
    await page.get_by_role("button", name="Add to cart").click()
    added = await street.heard("add_to_cart")
    assert added["ecommerce"]["items"][0]["quantity"] == 2
    assert added["ecommerce"]["value"] == 2 * item["price"]
    await street.heard("view_cart")
    await page.get_by_role("link", name="Checkout").click()
    await page.get_by_label("Name").fill("Anna Nowak")
    await page.get_by_label("E-mail").fill("anna@example.com")
    await page.get_by_role("button", name="Order and pay").click()
    bought = await street.heard("purchase")
    assert bought["ecommerce"]["transaction_id"] == "ORDER1"
    assert bought["ecommerce"]["value"] == 2 * item["price"]
    assert bought["user"] == {"email": "anna@example.com", "first_name": "Anna", "last_name": "Nowak"}
    for name in ("begin_checkout", "add_shipping_info", "add_payment_info"):
        await street.heard(name)
    before = len(street.named("page_view"))
    await page.reload()
    await street.until_named("page_view", before + 1)
    assert len(street.named("purchase")) == 1
    assert broken == []


async def test_refused_the_choice_is_remembered_and_nothing_is_sent(street: Street, page: Page):
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    await page.goto(street.origin + "/?gclid=x")
    await page.get_by_role("button", name="Odmawiam").click()
    await page.goto(street.origin + "/p/HLN-101-GRE")
    assert not await page.get_by_role("dialog").is_visible()
    await page.goto(street.origin + "/cart")
    assert street.events == []
    assert sent == []


async def test_a_withdrawal_in_the_settings_is_told(street: Street, page: Page):
    await page.goto(street.origin + "/en")
    await page.get_by_role("button", name="Settings", exact=True).click()
    await page.get_by_role("checkbox", name="Advertising").check()
    await page.get_by_role("button", name="Save my choice").click()
    view = await street.heard("page_view")
    assert view["consent"] == {
        "ad_storage": "granted", "ad_user_data": "granted", "analytics_storage": "denied", "ad_personalization": "denied",
    }  # fmt: skip
    await page.get_by_role("button", name="Cookie settings").click()
    assert await page.get_by_role("checkbox", name="Advertising").is_checked()
    await page.get_by_role("button", name="Refuse all").click()
    assert (await street.heard("consent_update"))["consent"]["ad_storage"] == "denied"


async def test_an_advertisement_shows_and_none_takes_no_room(street: Street, page: Page):
    await page.goto(street.origin + "/en")
    await page.locator(".slot").wait_for(state="visible")
    await page.frame_locator(".slot iframe").get_by_text("An advertisement").wait_for(state="visible")
    async with page.expect_response("**/ad/cart"):
        await page.goto(street.origin + "/en/cart")
    assert not await page.locator(".slot").is_visible()
    assert "/ad/cart" in street.ads
