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

WORKSPACE = Workspace(
    shop=Shop(name="halny", title="Halny", origins=[], country="PL", currency="PLN"), tag=Tag(batch_ms=100)
)


class Street:
    """The shop with a gateway behind it that keeps the events it gets."""

    def __init__(self) -> None:
        self.origin = ""
        self.events: list[dict[str, Any]] = []
        self.ads: list[str] = []

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    async def collect(self, request: Request) -> Response:
        events = json.loads(request.body)["events"]
        msgspec.convert(events, list[Event], strict=True, dec_hook=lambda kind, value: kind(value))
        self.events += events
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


async def heard(page: Page, street: Street, name: str) -> dict[str, Any]:
    """Wait for an event, turning the page's own clock."""
    for _ in range(100):
        if found := street.named(name):
            return found[-1]
        await page.evaluate("fetch('/shop/mark.svg').then(answer => answer.text())")
        await page.wait_for_timeout(20)
    raise AssertionError(f"no {name} among {[event['event'] for event in street.events]}")


async def test_from_the_first_page_to_the_order(street: Street, page: Page):
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    await page.goto(street.origin + "/en")
    await page.get_by_role("button", name="Accept all").click()
    listed = await heard(page, street, "view_item_list")
    assert listed["consent"]["ad_personalization"] == "granted"
    await page.get_by_role("link", name="Tents").first.click()
    await page.locator(".card a").first.click()
    view = await heard(page, street, "view_item")
    (item,) = view["ecommerce"]["items"]
    assert item["item_id"] in {product.id for product in load_catalog()}
    assert view["ecommerce"]["value"] == item["price"]
    assert (await heard(page, street, "select_item"))["ecommerce"]["items"][0]["item_id"] == item["item_id"]
    await page.get_by_label("Quantity").fill("2")
    await page.get_by_role("button", name="Add to cart").click()
    added = await heard(page, street, "add_to_cart")
    assert added["ecommerce"]["items"][0]["quantity"] == 2
    assert added["ecommerce"]["value"] == 2 * item["price"]
    await heard(page, street, "view_cart")
    await page.get_by_role("link", name="Checkout").click()
    await page.get_by_label("Name").fill("Anna Nowak")
    await page.get_by_label("E-mail").fill("anna@example.com")
    await page.get_by_role("button", name="Order and pay").click()
    bought = await heard(page, street, "purchase")
    assert bought["ecommerce"]["transaction_id"] == "ORDER1"
    assert bought["ecommerce"]["value"] == 2 * item["price"]
    assert bought["user"] == {"email": "anna@example.com", "first_name": "Anna", "last_name": "Nowak"}
    for name in ("begin_checkout", "add_shipping_info", "add_payment_info"):
        await heard(page, street, name)
    before = len(street.named("page_view"))
    await page.reload()
    while len(street.named("page_view")) == before:
        await page.wait_for_timeout(20)
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
    view = await heard(page, street, "page_view")
    assert view["consent"] == {
        "ad_storage": "granted", "ad_user_data": "granted", "analytics_storage": "denied", "ad_personalization": "denied",
    }  # fmt: skip
    await page.get_by_role("button", name="Cookie settings").click()
    assert await page.get_by_role("checkbox", name="Advertising").is_checked()
    await page.get_by_role("button", name="Refuse all").click()
    assert (await heard(page, street, "consent_update"))["consent"]["ad_storage"] == "denied"


async def test_an_advertisement_shows_and_none_takes_no_room(street: Street, page: Page):
    await page.goto(street.origin + "/en")
    await page.locator(".slot").wait_for(state="visible")
    assert await page.frame_locator(".slot iframe").get_by_text("An advertisement").is_visible()
    await page.goto(street.origin + "/en/cart")
    assert not await page.locator(".slot").is_visible()
    assert "/ad/cart" in street.ads
