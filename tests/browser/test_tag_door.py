"""Whatever a page pushes, the tag sends only what the gateway's strict decoder takes."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import msgspec
from playwright.async_api import Page

from rekindle.collect.wire import decode
from tests.browser.site import DEFAULT, GRANT, Site

NASTY: list[Any] = [
    None, "", " ", 0, -1, 1.5, 1e300, "12,99", "12.99", "1,299.00", "NaN", "-3", "zł 5", True, False, [], [1], {}, {"a": 1},
    "ł" * 2000, "a" * 151, 2**53, 1_000_001, "PLN", "pln", "złoty", "\ud83d\ude00", "\u0000", "1e5", "granted",
]  # fmt: skip
ITEM = ("item_id", "item_name", "item_category5", "price", "quantity", "discount", "index", "coupon", "made_up")
ECOMMERCE = ("transaction_id", "value", "currency", "tax", "shipping", "search_term", "content_type", "made_up")
USER = ("user_id", "email", "phone_number", "address", "gender", "made_up")
EVENTS = ("view_item", "purchase", "search", "login", "add_to_cart")


def some(chance: random.Random, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: chance.choice(NASTY) for name in names if chance.random() < 0.5}


async def test_nothing_a_page_pushes_makes_the_door_refuse(site: Site, page: Page):
    chance = random.Random(20260901)
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    for round_ in range(4):
        pushes = []
        for _ in range(50):
            items: Any = [some(chance, ITEM) for _ in range(chance.choice([0, 1, 2, 250]))]
            ecommerce = some(chance, ECOMMERCE) | {"items": chance.choice([items, items, chance.choice(NASTY)])}
            pushes.append({"event": chance.choice(EVENTS), "ecommerce": ecommerce, "user_data": some(chance, USER)})
        await page.evaluate("pushes => pushes.forEach(push => dataLayer.push(push))", pushes)
        # Large batches go one by one, so wait for each round: no more than a hundred events are held.
        wanted = 50 * (round_ + 1) + 1
        await site.until(partial(lambda count: len(site.events) >= count, wanted))
    batch = decode(msgspec.json.encode({"events": site.events}), max_events=1000)
    assert batch.problems == []
    assert len(batch.events) == 201
