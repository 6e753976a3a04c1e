"""A shop whose feeds are pushed to simulated platforms, in virtual time and without a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.http import TransportFailed
from rekindle.egress.send import Door
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.engines.secrets import SecretMissing
from rekindle.feeds import FeedBuilder
from rekindle.feeds.push._store import Row, Rows
from rekindle.feeds.push._tables import feed_pushed
from rekindle.feeds.push.pusher import FeedPusher
from rekindle.model.product import Product
from rekindle.privacy.ledger import LedgerLine
from rekindle.sandbox.platforms.catalog_batch import CatalogBatch
from rekindle.sandbox.platforms.merchant_api import MerchantCenter
from rekindle.sandbox.platforms.simulated import call
from rekindle.workspace import Feed, FeedPush, FeedRule, Workspace
from tests.conftest import FakeClock
from tests.feeds.conftest import Shelf, product, shop

SECRET = {"secret": "platform"}
GOOGLE_SETTINGS: dict[str, Any] = {
    "account": "123", "data_source": "456", "feed_label": "PL", "content_language": "pl", "access_token": SECRET,
}  # fmt: skip
META_SETTINGS: dict[str, Any] = {"catalog_id": "789", "access_token": SECRET}


def google(*rules: FeedRule, **push: Any) -> Feed:
    settings = GOOGLE_SETTINGS | push.pop("settings", {})
    return Feed(
        channel="google_merchant",
        rule=list(rules),
        max_shrink=1,
        max_price_shock=1,
        push=FeedPush(settings=settings, **push),
    )


def meta(*rules: FeedRule, **push: Any) -> Feed:
    settings = META_SETTINGS | push.pop("settings", {})
    return Feed(
        channel="meta", rule=list(rules), max_shrink=1, max_price_shock=1, push=FeedPush(settings=settings, **push)
    )


class Memory:
    """A ledger that remembers, and refuses when told to."""

    def __init__(self) -> None:
        self.lines: list[LedgerLine] = []
        self.broken = False

    def append(self, lines: Sequence[LedgerLine]) -> None:
        if self.broken:
            raise RuntimeError("no ledger")
        self.lines.extend(lines)


class Wire:
    """Hands requests to a simulated platform; ``before`` may answer in its place, ``after`` spoil what it said."""

    def __init__(self, answer: Callable[..., Answer], clock: FakeClock) -> None:
        self._answer, self._clock = answer, clock
        self.sent: list[OutRequest] = []
        self.before: Callable[[OutRequest], Answer | None] = lambda _: None
        self.lost = 0
        """So many answers are lost on their way back: the platform did what it was told."""

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        self.sent.append(request)
        instead = self.before(request)
        if instead is not None:
            return instead
        answer = self._answer(call(request.method, request.url, request.headers, request.body, self._clock()))
        if self.lost:
            self.lost -= 1
            raise TransportFailed("cut")
        return Answer(answer.status, answer.headers, answer.body[: limits.answer_bytes])


class World:
    """One feed named ``feed`` with its platform."""

    def __init__(
        self, builder: FeedBuilder, database: Database, blobs: FolderBlobs, shelf: Shelf, clock: FakeClock
    ) -> None:
        self.builder, self.database, self.blobs, self.shelf, self.clock = builder, database, blobs, shelf, clock
        self.goods: dict[str, Product] = {}
        self.ledger = Memory()
        self.secrets = {"platform": "token"}
        self.center, self.catalogue = MerchantCenter(), CatalogBatch()
        self.workspace: Workspace = shop()
        self.wire = Wire(self.center.answer, clock)
        self.pusher = self._pusher()

    def use(self, feed: Feed, **others: Feed) -> None:
        self.workspace = shop(feed=feed, **others)
        self.wire._answer = self.center.answer if feed.channel == "google_merchant" else self.catalogue.answer

    def restart(self) -> None:
        self.pusher = self._pusher()

    def _pusher(self) -> FeedPusher:
        return FeedPusher(
            self.database, self.blobs, Door(self.wire, self.ledger, self.clock), lambda: [self.workspace], self._secret,
            self.clock, lambda: 0.5,
        )  # fmt: skip

    def _secret(self, workspace: str, name: str) -> str:
        assert workspace == "shop"
        if name not in self.secrets:
            raise SecretMissing(f"there is no secret {name!r}")
        return self.secrets[name]

    def stock(self, *names: str, **values: Any) -> None:
        self.goods |= {name: product(name, **values) for name in names}

    def publish(self) -> int:
        self.shelf.put(*(self.goods[name] for name in sorted(self.goods)))
        self.clock.advance(1000)
        return self.builder.build(self.workspace, "feed").version

    async def settle(self, rounds: int = 50) -> int:
        """Step until there is nothing to do; return how much was done."""
        done = 0
        for _ in range(rounds):
            step = await self.pusher.step()
            if not step:
                return done
            done += step
        raise AssertionError("it never comes to rest")

    async def later(self, ms: int) -> None:
        """Let time pass, and let the push do what is due then."""
        self.clock.advance(ms)
        await self.settle()

    def rows(self) -> dict[str, Row]:
        columns = [feed_pushed.c[name] for name in Row.__struct_fields__]
        with self.database.read() as connection:
            found = connection.execute(
                feed_pushed.select().with_only_columns(*columns).where(feed_pushed.c.feed == "feed")
            )
            return {row.item: Row(*row) for row in found}

    def states(self) -> dict[str, str]:
        return {name: row.state for name, row in self.rows().items()}

    @property
    def push(self) -> Rows:
        return Rows(self.database.dialect, "shop", "feed")


@pytest.fixture
def world(builder: FeedBuilder, database: Database, blobs: FolderBlobs, shelf: Shelf, clock: FakeClock) -> World:
    return World(builder, database, blobs, shelf, clock)
