"""A console with a little of everything in it, made by the rooms themselves from a log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from rekindle.audiences import AudienceView
from rekindle.egress._store import LaneState, Result, Store, Waiting
from rekindle.egress._tickets import Ticket
from rekindle.egress.quality import keep
from rekindle.egress.rated import Score
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.log import Keyed
from rekindle.engines.log.view import Noted
from rekindle.feeds import FeedBuilder, deliveries, receipts
from rekindle.feeds.push._store import ACCEPTED, REFUSED, PushRow, Rows
from rekindle.feeds.receipts import PULL, Receipt, record
from rekindle.feeds.turns import Turn
from rekindle.model.event import Consent, Ecommerce, Item
from rekindle.model.outcome import Outcome
from rekindle.model.record import ConsentChange, Record, Stored, Tally, decode, encode
from rekindle.privacy.ledger import Ledger, LedgerLine
from rekindle.profiles import ProfileView
from rekindle.profiles.sightings import SightingsPart
from tests.console.conftest import HOSTILE, House
from tests.feeds.conftest import product

HOUR = 3_600_000


class Feeds:
    """Two published feeds; ids that end in 7 are in neither."""

    def channels(self, workspace: str) -> Sequence[str]:
        return ["google", "meta"]

    def missing(self, workspace: str, feed: str, item_ids: Sequence[str]) -> Mapping[str, str]:
        gone = {item: "unknown" for item in item_ids if item.endswith("7")}
        return gone | {item: "excluded" for item in item_ids if feed == "meta" and item.endswith("3")}


ENDS = [
    (Outcome.ACCEPTED, "ok", ""),
    (Outcome.ACCEPTED, "awaiting-decision", ""),
    (Outcome.FILTERED, "permit-denied", ""),
    (Outcome.DEAD, "platform-refused", f"(#100) Invalid parameter {HOSTILE}"),
    (Outcome.HELD, "credentials", ""),
]


def records(house: House) -> Iterable[Record]:
    now = house.clock.now_ms
    names = ["page_view", "view_item", "view_item", "view_item", "add_to_cart", "begin_checkout", "purchase"]
    for number in range(600):
        at = now - (number * 137 % 1400) * 60_000
        name = names[number % len(names)]
        items = [] if name == "page_view" else [Item(item_id=f"sku-{number % 40}", price=Decimal("49.90"), quantity=1)]
        yield house.event(
            f"ev-{number:04}",
            event=name,
            received_ms=at,
            event_time_ms=at,
            subject=f"s1_{number // 4:026}",
            ecommerce=Ecommerce(value=Decimal("49.90"), currency="PLN", items=items) if items else Ecommerce(),
        )
        if number % 5 == 0:
            yield Tally("shop", at, "filtered", "consent-denied", 2)
        if number % 40 == 0:
            yield Tally("shop", at, "invalid", "malformed", 1)
            yield ConsentChange("shop", at, f"s1_{number % 60:026}", Consent(ad_storage="denied"))
    yield house.event(HOSTILE, event=HOSTILE, subject=HOSTILE, ecommerce=Ecommerce(items=[Item(item_id=HOSTILE)]))


async def feeds(house: House) -> None:
    """Publish one feed with faults, and hold the other back."""
    folder = house.feeds
    folder.mkdir()
    shelf = house.shelf
    builder = FeedBuilder(house.database, FolderBlobs(folder / "blobs"), shelf, house.clock, folder / "work")
    good = [product(f"sku-{number}") for number in range(40)]
    faulty = [product(HOSTILE, title=HOSTILE), product("no-link", link=""), product("no-price", price=None)]
    shelf.put(*good, *faulty)
    builder.build(house.shops["shop"], "google")
    builder.build(house.shops["shop"], "meta")
    shelf.put(*good[:10])
    builder.build(house.shops["shop"], "meta")
    now = house.clock.now_ms
    with house.database.begin() as connection:
        for name, turn in (
            ("partner", Turn(status="stopped", version=1, since_ms=now - HOUR, next_ms=now + HOUR, words=HOSTILE)),
            ("search", Turn(version=1, arrived_version=1, arrived_ms=now - HOUR)),
        ):
            deliveries.write(connection, "shop", "google", name, turn)
        refused = Receipt(
            workspace="shop", feed="google", version=1, route="partner", kind="sftp", status="refused", at_ms=now - HOUR,
            bytes=1234, detail=HOSTILE,
        )  # fmt: skip
        receipts.record(connection, refused)
        receipts.record(connection, msgspec.structs.replace(refused, route="pull", kind="url", status="fetched"))


def pushed(house: House) -> None:
    """Let a push have brought home what the platform said, and hold removals back."""
    now = house.clock.now_ms
    rows = Rows(house.database.dialect, "shop", "meta")
    with house.database.begin() as connection:
        rows.want(connection, [(f"sku-{number}", "a" * 32) for number in range(10)], now - HOUR)
        due = rows.due(connection, now, 10)
        told = [msgspec.structs.replace(row, pushed=row.wanted, pushed_ms=now, state=ACCEPTED) for row in due]
        told[0] = msgspec.structs.replace(told[0], state=REFUSED, code=HOSTILE, words=HOSTILE)
        rows.settle(connection, told)
        rows.unwant(connection, ["sku-3", "sku-4"], now)
        rows.hold(connection, held=True)
        rows.save(connection, PushRow(1, now, held_reason="2 of 10 items would be removed at the platform"))


async def quality(house: House) -> None:
    """Compare the feeds as the scheduler does, on four days; a reader has fetched an earlier version."""
    now, desk = house.clock.now_ms, house.desk
    rewritten = [
        house.event(f"gla-{number}", ecommerce=Ecommerce(items=[Item(item_id=f"gla_sku-{number % 10}")]))
        for number in range(900)
    ]
    with house.database.begin() as connection:
        SightingsPart().apply(connection, [Noted(event, False) for event in rewritten])
        taken = Receipt(workspace="shop", feed="google", version=1, route=PULL, kind="url", status="fetched", at_ms=now)
        record(connection, taken)
    for day in (3, 2, 1, 0):
        house.clock.now_ms = now - day * 24 * HOUR
        desk.refresh(house.shops["shop"], "google")
    desk.refresh(house.shops["shop"], "meta")


async def lanes(house: House) -> None:
    """Let one destination have come to an end with most events, and be on hold since."""
    store = Store(house.database, "shop", "meta")
    entries = await house.log.tail(None, 2000)
    results = []
    for number, entry in enumerate(entries):
        record = decode(entry.value)
        if not isinstance(record, Stored):
            continue
        outcome, reason, detail = ENDS[number % len(ENDS)]
        waiting = Waiting(record, entry.value, entry.partition, entry.offset)
        result = Result(waiting, outcome, reason, detail, trace="Abc123", attempts=1, next_ms=house.clock.now_ms)
        named = "t1" if reason == "awaiting-decision" else ""
        results.append(msgspec.structs.replace(result, ticket=named))
    now = house.clock.now_ms
    ticket = Ticket("t1", "shop", "meta", "Abc123", "events", now - HOUR, now + HOUR, now + 24 * HOUR, 1, HOSTILE)
    await store.record(results, now, [ticket])
    scores = [Score("event-match-quality", HOSTILE, 7.4, "of 10"), Score("unread", "", 0, "", HOSTILE)]
    for day in range(3):
        await keep(house.database, "shop", "meta", scores, now - day * 24 * HOUR)
    await store.save(LaneState("held", f"token refused: {HOSTILE}", house.clock.now_ms - HOUR, house.clock.now_ms))


async def fill(house: House) -> None:
    """Append the records and let the views read them."""
    await house.log.append([Keyed("s", encode(record)) for record in records(house)])
    view = ProfileView(house.log, house.database, house.clock, Feeds())
    while await view.step():
        pass
    await view.close()
    audiences = AudienceView(
        house.log, house.database, house.clock, lambda: house.shops, may_enter=lambda _workspace, _consent, _now: True
    )
    while await audiences.step():
        pass
    await audiences.close()
    await feeds(house)
    pushed(house)
    await quality(house)
    await lanes(house)
    ledger = Ledger(house.database, house.keyring, house.clock)
    now = house.clock.now_ms
    for number in range(30):
        ledger.append(
            [
                LedgerLine(
                    "send", "shop", now - number * 1000, action="destination.send", event_id=f"ev-{number:04}",
                    subject=f"s1_{number:026}", destination="meta", outcome="delivered", reason="ok",
                )
            ]
        )  # fmt: skip
    ledger.append([LedgerLine("change", "shop", now, actor=HOSTILE, action=HOSTILE, event_id=HOSTILE, reason=HOSTILE)])
    live = house.shops["shop"]
    house.versions.apply(live, "jan", "first")
    stricter = msgspec.structs.replace(live.policy, max_event_age="3d")
    house.versions.apply(msgspec.structs.replace(live, policy=stricter), HOSTILE, HOSTILE)
    house.keys.create("shop", HOSTILE, ["read"], "ola")
    house.keys.create("shop", "order export", ["events:write"], "ola", house.clock.now_ms + 30 * 24 * HOUR)
