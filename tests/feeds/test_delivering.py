"""Live versions are taken out: once each, never a held one, recorded in receipts and ledger, whatever the other side does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from rekindle.egress.connector import Answer, OutRequest
from rekindle.egress.http import MockTransport, TransportFailed
from rekindle.egress.reach import Reach
from rekindle.engines.database.lease import Fenced, Lease
from rekindle.engines.secrets import SecretMissing
from rekindle.feeds import FeedBuilder, receipts
from rekindle.feeds.carrying import Carrier
from rekindle.feeds.deliveries import delivery_status
from rekindle.feeds.delivering import Deliverer, NothingToDeliver
from rekindle.feeds.delivery_schedule import DeliverySchedule
from rekindle.privacy import ledger as ledgers
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger, LedgerUnavailable
from rekindle.workspace import Delivery, Feed, Workspace
from tests.egress.world import MemorySecrets
from tests.feeds.conftest import product, shop

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
HOOK = {
    "name": "partner", "kind": "webhook", "location": "https://partner.example/hook",
    "secret": {"secret": "partner_hook"},
}  # fmt: skip


class World:
    """A shop with one feed and its deliveries; ``answer`` is what the other side says."""

    def __init__(self, database: Any, blobs: Any, builder: FeedBuilder, shelf: Any, clock: Any) -> None:
        self.database, self.blobs, self.builder, self.shelf, self.clock = database, blobs, builder, shelf, clock
        self.answer: Callable[[OutRequest], Answer] = lambda _: Answer(204)
        self.transport = MockTransport(lambda request: self.answer(request))
        self.secrets = {"partner_hook": SECRET}
        self.keyring = Keyring(MemorySecrets())
        self.keyring.ensure()
        self.ledger = Ledger(database, self.keyring, clock)
        self.failed: list[str] = []
        self.schedule, self.deliverer = self.process("one")
        self.workspace = self.configured(HOOK)

    def process(self, holder: str) -> tuple[DeliverySchedule, Deliverer]:
        carrier = Carrier(self.transport, Reach(allow_private=True), self.clock)
        deliverer = Deliverer(
            self.database, self.blobs, carrier, self.secret, self.ledger, self.clock, lambda: 0.5, holder
        )
        told = lambda *about: self.failed.append(str(about))  # noqa: E731 - short
        return DeliverySchedule(deliverer, lambda: [self.workspace], self.clock, told), deliverer

    def secret(self, name: str) -> str:
        try:
            return self.secrets[name]
        except KeyError:
            raise SecretMissing(f"no secret {name!r}") from None

    def configured(self, *documents: dict[str, Any], **more: Any) -> Workspace:
        known = [msgspec.convert(document, Delivery) for document in documents]
        return shop(main=Feed(channel="google_merchant", delivery=known, **more))

    def build(self, *names: str) -> Any:
        self.shelf.put(*(product(name) for name in names))
        self.clock.now_ms += 1000
        return self.builder.build(self.workspace, "main")

    async def run(self) -> int:
        started = await self.schedule.step()
        await self.schedule.idle()
        assert self.failed == []
        return started

    def receipts(self, name: str = "partner") -> list[tuple[str, int, int]]:
        with self.database.read() as connection:
            found = receipts.history(connection, "shop", "main", name)
        return [(one.status, one.version, one.attempts) for one in found]

    def lines(self) -> list[Any]:
        return [each.line for each in ledgers.lines(self.database, "shop", "publication")]

    @property
    def sent(self) -> list[int]:
        return [json.loads(request.body)["data"]["version"] for request in self.transport.requests]


@pytest.fixture
def world(database, blobs, builder, shelf, clock) -> World:
    return World(database, blobs, builder, shelf, clock)


async def test_a_version_is_told_of_once_and_signed(world) -> None:
    assert await world.run() == 0, "nothing was published"
    version = world.build("A", "B")
    assert await world.run() == 1
    assert await world.run() == 0
    (request,) = world.transport.requests
    # The library verifies against the machine's clock; the signature itself is what is compared here.
    moment = datetime.fromtimestamp(world.clock() // 1000, UTC)
    signature = Webhook(SECRET).sign(request.headers["webhook-id"], moment, request.body.decode())
    assert request.headers["webhook-signature"] == signature
    body = json.loads(request.body)
    assert (request.method, request.url, body["type"]) == ("POST", "https://partner.example/hook", "feed.published")
    assert body["data"] == {
        "workspace": "shop", "feed": "main", "channel": "google_merchant", "version": 1, "items": 2,
        "url": "https://shop.example/feeds/shop/main.xml", "manifest": "https://shop.example/feeds/shop/main.json",
        "bytes": version.size, "sha256": version.plain_digest, "created": "2026-08-29T10:40:01Z",
    }  # fmt: skip
    assert world.receipts() == [("delivered", 1, 1)]


async def test_each_new_version_goes_and_the_older_one_after_a_rollback(world) -> None:
    world.build("A", "B")
    await world.run()
    world.build("A", "B", "C")
    await world.run()
    world.clock.now_ms += 1000
    world.builder.rollback("shop", "main")
    await world.run()
    await world.run()
    assert world.sent == [1, 2, 1]
    assert world.receipts() == [("delivered", 1, 1), ("delivered", 2, 1), ("delivered", 1, 1)]
    with world.database.read() as connection:
        assert receipts.last_accepted(connection, "shop", "main") == {"partner": (1, world.clock())}


async def test_a_held_version_is_not_delivered_until_a_person_lets_it_pass(world) -> None:
    world.build(*(str(number) for number in range(10)))
    await world.run()
    assert world.build("1").held
    assert await world.run() == 0
    await world.deliverer.deliver(world.workspace, "main", world.workspace.feeds["main"].delivery[0])
    assert world.sent == [1, 1], "even when asked for"
    world.clock.now_ms += 1000
    world.builder.approve("shop", "main", 2, "anna")
    await world.run()
    assert world.sent == [1, 1, 2]


async def test_what_fails_is_tried_again_and_ends_in_one_receipt(world) -> None:
    def no_answer(_: OutRequest) -> Answer:
        raise TransportFailed("no connection to the host")

    world.answer = no_answer
    world.build("A")
    assert await world.run() == 1
    assert await world.run() == 0, "not at once"
    assert world.receipts() == [], "it is not over"
    (state,) = delivery_status(world.database, world.workspace, world.clock())
    assert (state.turn.status, state.turn.attempts, state.late) == ("waiting", 1, False)
    assert "no connection" in state.turn.words
    world.clock.now_ms += 3 * 3_600_000
    (state,) = delivery_status(world.database, world.workspace, world.clock())
    assert state.late
    world.answer = lambda _: Answer(503)
    assert await world.run() == 1
    world.clock.now_ms += 3_600_000
    world.answer = lambda _: Answer(200)
    assert await world.run() == 1
    assert world.receipts() == [("delivered", 1, 3)]
    assert [request.headers["webhook-id"] for request in world.transport.requests] == ["feed_shop_main_1"] * 3
    (state,) = delivery_status(world.database, world.workspace, world.clock())
    assert (state.turn.status, state.turn.words, state.late) == ("idle", "", False)


async def test_who_asks_for_time_gets_it(world) -> None:
    world.answer = lambda _: Answer(503, {"retry-after": "7200"})
    world.build("A")
    await world.run()
    world.clock.now_ms += 7_200_000
    assert await world.run() == 0
    world.clock.now_ms += 60_000
    assert await world.run() == 1


async def test_a_refusal_waits_for_other_settings_or_secrets(world) -> None:
    world.answer = lambda _: Answer(401)
    world.build("A")
    await world.run()
    assert world.receipts() == [("refused", 1, 1)]
    world.clock.now_ms += 3_600_000
    assert await world.run() == 0
    world.answer = lambda _: Answer(204)
    world.secrets["partner_hook"] = "whsec_" + base64.b64encode(b"n" * 32).decode()
    assert await world.run() == 1
    assert world.receipts() == [("delivered", 1, 1), ("refused", 1, 1)]


async def test_a_missing_secret_or_file_is_a_refusal_with_words(world) -> None:
    version = world.build("A")
    del world.secrets["partner_hook"]
    await world.run()
    world.secrets["partner_hook"] = SECRET
    world.blobs.remove(version.digest)
    world.clock.now_ms += 6 * 3_600_000
    await world.run()
    assert world.receipts() == [("refused", 1, 1), ("refused", 1, 1)]
    assert world.transport.requests == []


async def test_the_ledger_holds_every_delivery_and_is_whole(world) -> None:
    world.answer = lambda _: Answer(500, {}, b"anna.nowak@example.com may not")
    version = world.build("A")
    await world.run()
    world.clock.now_ms += 3_600_000
    world.answer = lambda _: Answer(204)
    await world.run()
    end, begin = world.lines()
    assert (begin.action, begin.outcome, begin.destination) == ("deliver", "", "partner")
    assert (end.action, end.outcome) == ("receipt", "delivered")
    assert end.facts == {
        "feed": "main", "version": 1, "digest": version.digest, "way": "webhook", "attempts": 2,
        "bytes": version.size, "sha256": version.plain_digest,
    }  # fmt: skip
    assert "anna" not in str(world.lines())


async def test_what_cannot_be_recorded_is_not_sent(world, monkeypatch) -> None:
    def closed(_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    world.build("A")
    with monkeypatch.context() as broken:
        broken.setattr(world.ledger, "append", closed)
        assert await world.run() == 1
    assert (world.transport.requests, world.receipts()) == ([], [])
    assert await world.run() == 0, "not at once again"
    world.clock.now_ms += 60_000
    await world.run()
    assert world.receipts() == [("delivered", 1, 1)]


async def test_two_processes_do_not_deliver_the_same_at_once(world) -> None:
    world.build("A")
    _, other = world.process("two")
    held = Lease(world.database, world.clock, "deliver/shop/main/partner", "one", 60_000)
    held.acquire()
    with pytest.raises(NothingToDeliver, match="under way elsewhere"):
        await other.deliver(world.workspace, "main", world.workspace.feeds["main"].delivery[0])
    held.release()
    await other.deliver(world.workspace, "main", world.workspace.feeds["main"].delivery[0])
    assert world.receipts() == [("delivered", 1, 1)]
    assert await world.run() == 0, "the schedule knows of it"


async def test_a_scheduler_that_sleeps_in_a_delivery_records_nothing_and_blocks_nobody(world) -> None:
    old = Lease(world.database, world.clock, "scheduler", "old", 1000)
    new = Lease(world.database, world.clock, "scheduler", "new", 60_000)
    old.acquire()
    world.build("A")

    def sleeps(_: OutRequest) -> Answer:
        world.clock.now_ms += 10_000
        new.acquire()
        return Answer(204)

    world.answer = sleeps
    everybody, world.database = world.database, Fenced(world.database, old)
    schedule, _ = world.process("old")
    world.database = everybody
    await schedule.step()
    await schedule.idle()
    assert (world.sent, world.receipts(), world.failed) == ([1], [], []), "it arrived, and nobody may say so"
    world.answer = lambda _: Answer(204)
    world.database = Fenced(everybody, new)
    world.schedule, _ = world.process("new")
    assert await world.run() == 1, "the lease of the delivery itself was given back"
    world.database = everybody
    assert world.receipts() == [("delivered", 1, 1)]


async def test_one_that_hangs_or_breaks_does_not_stop_the_others(world, monkeypatch) -> None:
    other = HOOK | {"name": "other", "location": "https://other.example/hook"}
    world.workspace = world.configured(HOOK | {"jitter": "10m"}, other, HOOK | {"name": "off", "enabled": False})

    def answer(request: OutRequest) -> Answer:
        if "partner" in request.url:
            raise RuntimeError("a fault of our own")
        return Answer(204)

    world.answer = answer
    world.build("A")
    assert await world.run() == 1, "the other waits for its jitter"
    world.clock.now_ms += 300_000
    await world.schedule.step()
    await world.schedule.idle()
    assert "a fault of our own" in world.failed.pop()
    assert await world.run() == 0, "nor a second later"
    assert world.receipts("other") == [("delivered", 1, 1)]
    assert world.receipts("off") == []


async def test_nothing_published_is_said(world) -> None:
    with pytest.raises(NothingToDeliver, match="never published"):
        await world.deliverer.deliver(world.workspace, "main", world.workspace.feeds["main"].delivery[0])


async def test_a_turn_is_kept_across_processes(world) -> None:
    world.workspace = world.configured(HOOK | {"every": "1h"})
    world.build("A")
    await world.run()
    assert world.sent == []
    schedule, _ = world.process("after a restart")
    world.clock.now_ms += 5 * 3_600_000
    await schedule.step()
    await schedule.idle()
    assert world.sent == [1]
    (state,) = delivery_status(world.database, world.workspace, world.clock())
    assert state.turn.arrived_version == state.live_version == 1
