"""What every simulated shop system has: goods, faults on demand, a way to be told apart from a real one by nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from standardwebhooks import Webhook

from rekindle.egress.connector import Answer, OutRequest
from tests.conftest import FakeClock

CATEGORIES = {1: ("Clothes", 0), 2: ("Shirts", 1)}


class Variant(msgspec.Struct):
    id: int
    price: str
    stock: int
    color: str = ""


class Goods(msgspec.Struct):
    """A product; with one variant without colour it is a simple one."""

    id: int
    title: str
    variants: list[Variant]
    published: bool = True
    changed_ms: int = 0

    @property
    def simple(self) -> bool:
        return len(self.variants) == 1 and not self.variants[0].color


class Shop:
    """A platform's server. ``faults`` are given instead of answers, first in first out."""

    kind = ""
    secrets: ClassVar[Mapping[str, str]] = {}
    hook_secret = "hook-secret-of-the-shop"
    options: ClassVar[Mapping[str, Any]] = {}
    currency = "PLN"
    tells_currency = True

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.goods: dict[int, Goods] = {}
        self.faults: list[Callable[[OutRequest], Answer | None]] = []
        self.requests: list[OutRequest] = []
        self.after: dict[int, Callable[[], None]] = {}
        self.locked = False

    # -- what a test does to the shop

    def put(self, product: int, *variants: tuple[str, int], colors: bool = False, published: bool = True) -> None:
        """Add or replace a product: variants are (price, stock)."""
        listed = [
            Variant(product * 1000 + n, price, stock, f"colour {n}" if colors or len(variants) > 1 else "")
            for n, (price, stock) in enumerate(variants, 1)
        ]
        self.goods[product] = Goods(product, f"Product {product}", listed, published, self.clock())

    def fill(self, number: int, first: int = 1) -> None:
        """Add products; every fifth has three variants."""
        for n in range(first, first + number):
            self.put(n, *[(f"{n}.50", n % 3)] * (3 if n % 5 == 0 else 1))

    def remove(self, product: int) -> None:
        del self.goods[product]

    def expected(self) -> dict[str, tuple[str, str]]:
        """Return item id → price, availability, as the live catalogue must have them."""
        return {
            self.item_id(goods, variant): (variant.price, "in_stock" if variant.stock > 0 else "out_of_stock")
            for goods in self.goods.values()
            if goods.published
            for variant in goods.variants
        }

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return str(goods.id if goods.simple else variant.id)

    def hook(self, product: int) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the webhook that says a product changed (or is gone): here, a hint in our own form."""
        return self.standard({"ids": [str(product)]})

    def standard(self, body: Any) -> tuple[dict[str, str], bytes]:
        """Sign as Standard Webhooks 1.0."""
        raw, stamp = json.dumps(body).encode(), datetime.fromtimestamp(self.clock() / 1000, UTC)
        signature = Webhook(self.hook_secret.encode()).sign("msg_1", stamp, raw.decode())
        named = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(stamp.timestamp())),
            "webhook-signature": signature,
        }
        return named, raw

    def throttled(self) -> Answer:
        """Return what this platform answers over its quota."""
        return Answer(429, {"retry-after": "7"}, b"{}")

    def denied(self) -> Answer:
        """Return what this platform answers to wrong credentials."""
        return Answer(401, {}, b'{"message": "no"}')

    # -- the network's side

    def send(self, request: OutRequest) -> Answer:
        self.requests.append(request)
        if self.faults and (answer := self.faults.pop(0)(request)) is not None:
            return answer
        if not self.allows(request) or self.locked:
            return self.denied()
        answer = self.answer(request)
        if action := self.after.pop(len(self.requests), None):
            action()
        return answer

    def allows(self, request: OutRequest) -> bool:
        raise NotImplementedError

    def answer(self, request: OutRequest) -> Answer:
        raise NotImplementedError

    def file(self, url: str) -> bytes | None:
        """Return what a download gives, None when it is not there (any more)."""
        return None


def reply(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(
        status, {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}},
        json.dumps(body).encode(),
    )  # fmt: skip


def asked(request: OutRequest) -> tuple[str, dict[str, str]]:
    """Return path and query."""
    parts = urlsplit(request.url)
    return parts.path, {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
