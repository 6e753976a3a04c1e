"""Entries and exits: by event at once, by time to the minute, by consent at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec
import pytest
import sqlalchemy as sa

from rekindle.audiences import AudienceView, changes, latest_changes, members, of, sizes
from rekindle.audiences._tables import timers, visitors
from rekindle.audiences.rules import _RULES
from rekindle.engines.database import Database
from rekindle.engines.log import Entry
from rekindle.model.record import Record
from rekindle.workspace import Audience, Workspace
from tests.audiences.shop import DAY, HOUR, MINUTE, shop
from tests.conftest import FakeClock
from tests.memory_log import MemoryConsumer, MemoryLog
from tests.visits import DENIED, GRANTED, NOT_PERSONAL, chose, did


class Street:
    """A log, a view and a clock, in virtual time."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database, self.clock, self.log = database, clock, MemoryLog()
        self.live: Mapping[str, Workspace] = {"shop": shop()}
        self.suppressed: set[tuple[str, str]] = set()
        self.view = self.open()

    def open(self) -> AudienceView:
        return AudienceView(
            self.log,
            self.database,
            self.clock,
            lambda: self.live,
            suppressed=lambda workspace, subjects: {one for one in subjects if (workspace, one) in self.suppressed},
        )

    async def told(self, *records: Record) -> list[str]:
        self.log.put(*records)
        while await self.view.step():
            pass
        return [membership.audience for membership in of(self.database, "shop", "s1_anna")]

    async def later(self, ms: int) -> list[str]:
        self.clock.advance(ms)
        return await self.told()

    def story(self) -> list[tuple[str, str, str, int]]:
        return [
            (change.audience, "in" if change.entered else "out", change.reason, change.at_ms)
            for change in changes(self.database, "shop")
        ]


@pytest.fixture
def street(database: Database, clock: FakeClock) -> Street:
    return Street(database, clock)


async def test_a_view_enters_at_once_and_leaves_after_its_window(street: Street, clock: FakeClock) -> None:
    start = clock()
    assert await street.told(did("view_item", "hat", at=start)) == ["viewed"]
    assert await street.later(14 * DAY - 1) == ["viewed"]
    assert await street.later(1) == []
    assert street.story() == [
        ("viewed", "in", "viewed", start),
        ("viewed", "out", "window-passed", start + 14 * DAY),
    ]


async def test_a_cart_is_abandoned_after_half_an_hour(street: Street, clock: FakeClock) -> None:
    start = clock()
    assert await street.told(did("add_to_cart", "hat", at=start)) == []
    assert await street.later(29 * MINUTE) == []
    assert await street.told(did("begin_checkout", "hat", at=clock())) == [], "a sign of life starts the wait again"
    assert await street.later(29 * MINUTE) == []
    assert await street.later(MINUTE) == ["carts"]
    assert await street.later(7 * DAY) == []
    assert [step[:3] for step in street.story()] == [
        ("carts", "in", "cart-abandoned"),
        ("carts", "out", "window-passed"),
    ]
    assert street.story()[1][3] == start + 29 * MINUTE + 7 * DAY, "the exit is dated when it was due, not when seen"


async def test_a_purchase_ends_the_others_and_starts_its_own(street: Street, clock: FakeClock) -> None:
    await street.told(did("view_item", "hat", at=clock()), did("add_to_cart", "hat", at=clock()))
    assert await street.later(HOUR) == ["carts", "viewed"]
    assert await street.told(did("purchase", "hat", at=clock())) == ["buyers"]
    assert {step[:3] for step in street.story()[2:]} == {
        ("carts", "out", "bought"),
        ("viewed", "out", "bought"),
        ("buyers", "in", "bought"),
    }


async def test_a_view_after_a_purchase_enters_when_the_purchase_has_left_the_window(
    street: Street, clock: FakeClock
) -> None:
    await street.told(did("purchase", "hat", at=clock()))
    clock.advance(10 * DAY)
    assert await street.told(did("view_item", "hat", at=clock())) == ["buyers"]
    assert await street.later(4 * DAY) == ["buyers", "viewed"]
    assert await street.later(10 * DAY) == ["buyers"]


async def test_a_cart_that_was_emptied_is_not_abandoned(street: Street, clock: FakeClock) -> None:
    await street.told(did("add_to_cart", "hat", at=clock()), did("add_to_cart", "shoe", at=clock()))
    assert await street.later(HOUR) == ["carts"]
    assert await street.told(did("remove_from_cart", "hat", at=clock())) == ["carts"]
    assert await street.told(did("remove_from_cart", "shoe", at=clock())) == []
    assert street.story()[-1][:3] == ("carts", "out", "cart-empty")


async def test_withdrawn_consent_ends_every_membership_at_once(street: Street, clock: FakeClock) -> None:
    await street.told(did("view_item", "hat", at=clock()), did("purchase", "hat", at=clock(), who="s1_other"))
    await street.told(did("purchase", "hat", at=clock()))
    clock.advance(1000)
    assert await street.told(chose(DENIED, at=clock())) == []
    assert street.story()[-1] == ("buyers", "out", "no-consent", clock())
    assert await street.later(20 * DAY) == [], "no timer brings them back"
    assert sizes(street.database, "shop") == {"buyers": 1, "carts": 0, "viewed": 0}
    assert await street.told(did("view_item", "hat", at=clock(), consent=GRANTED)) == ["buyers", "viewed"]


async def test_without_consent_to_personalise_nobody_enters(street: Street, clock: FakeClock) -> None:
    assert await street.told(did("view_item", "hat", at=clock(), consent=NOT_PERSONAL)) == []
    assert street.story() == []


async def test_a_repeated_event_does_not_bring_back_withdrawn_consent(street: Street, clock: FakeClock) -> None:
    event = did("view_item", "hat", at=clock())
    await street.told(event, chose(DENIED, at=clock() + 1))
    event.received_ms = clock() + 2
    assert await street.told(event) == []


async def test_suppressed_people_never_enter_and_leave_with_their_next_event(street: Street, clock: FakeClock) -> None:
    assert await street.told(did("view_item", "hat", at=clock())) == ["viewed"]
    street.suppressed.add(("shop", "s1_anna"))
    assert await street.told(did("view_item", "hat", at=clock())) == []
    assert street.story()[-1][:3] == ("viewed", "out", "suppressed")
    assert await street.told(did("purchase", "hat", at=clock())) == []


async def test_erasing_leaves_the_exits_and_nothing_else(street: Street, clock: FakeClock) -> None:
    await street.told(did("view_item", "hat", at=clock()))
    await street.view.erase("shop", "s1_anna")
    assert await street.told() == []
    assert street.story()[-1][:3] == ("viewed", "out", "erased")
    with street.database.read() as connection:
        for table in (visitors, timers):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0


async def test_bots_and_other_shops_do_not_count(street: Street, clock: FakeClock) -> None:
    assert await street.told(
        did("view_item", "hat", at=clock(), bot=True),
        did("view_item", "hat", at=clock(), workspace="other"),
    ) == []  # fmt: skip
    assert sizes(street.database, "other") == {}


async def test_a_changed_rule_is_applied_to_everybody(street: Street, clock: FakeClock) -> None:
    await street.told(did("view_item", "hat", at=clock()))
    clock.advance(3 * DAY)
    street.live = {"shop": shop({"viewed": Audience(rule="viewed_not_bought", within="2d")})}
    assert await street.told() == []
    assert street.story()[-1][:3] == ("viewed", "out", "rule-changed")
    street.live = {"shop": shop({"lookers": Audience(rule="viewed_not_bought", within="5d")})}
    assert await street.told() == ["lookers"]
    assert await street.later(2 * DAY) == []
    street.live = {"shop": shop()}
    assert await street.told() == ["viewed"]
    street.view = street.open()
    before = street.story()
    assert await street.told() == ["viewed"]
    assert street.story() == before, "a restart with the same rules changes nothing"
    street.live = {"shop": shop({})}
    assert await street.told() == []
    assert street.story()[-1][:3] == ("viewed", "out", "rule-removed")
    assert sizes(street.database, "shop") == {}


async def test_timers_that_rang_while_nobody_listened_are_worked_off_in_order(street: Street, clock: FakeClock) -> None:
    start = clock()
    await street.told(did("add_to_cart", "hat", at=start))
    assert await street.later(30 * DAY) == []
    assert street.story() == [
        ("carts", "in", "cart-abandoned", start + 30 * MINUTE),
        ("carts", "out", "window-passed", start + 7 * DAY),
    ]


async def test_unread_events_come_before_due_timers(street: Street, clock: FakeClock) -> None:
    await street.told(did("add_to_cart", "hat", at=clock()))
    bought = clock() + 20 * MINUTE
    clock.advance(2 * HOUR)
    assert await street.told(did("purchase", "hat", at=bought)) == ["buyers"]
    assert [step[:2] for step in street.story()] == [("buyers", "in")], "who bought in time never abandoned a cart"


async def test_members_are_paged_and_changes_are_read_behind_a_mark(street: Street, clock: FakeClock) -> None:
    await street.told(*(did("view_item", "hat", at=clock(), who=f"s1_{n}") for n in range(5)))
    first = members(street.database, "shop", "viewed", 3)
    rest = members(street.database, "shop", "viewed", 3, after=first[-1].subject)
    assert [member.subject for member in (*first, *rest)] == [f"s1_{n}" for n in range(5)]
    assert first[0].since_ms == clock()
    some = changes(street.database, "shop", "viewed", 2)
    more = changes(street.database, "shop", "viewed", 9, after=some[-1].id)
    assert [change.subject for change in (*some, *more)] == [f"s1_{n}" for n in range(5)]
    assert [change.subject for change in latest_changes(street.database, "shop", "viewed", 2)] == ["s1_4", "s1_3"]
    assert members(street.database, "other", "viewed") == []


async def test_a_rebuild_comes_to_the_same_members(street: Street, clock: FakeClock) -> None:
    await street.told(did("view_item", "hat", at=clock()), did("add_to_cart", "hat", at=clock()))
    assert await street.later(HOUR) == ["carts", "viewed"]
    await street.view.rebuild()
    assert of(street.database, "shop", "s1_anna") == []
    assert await street.told() == ["carts", "viewed"]


async def test_visitors_are_forgotten_when_no_window_can_hold_them(street: Street, clock: FakeClock) -> None:
    await street.told(did("view_item", "hat", at=clock()))
    await street.later(80 * DAY)
    with street.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(visitors)).scalar_one() == 1
    await street.later(20 * DAY)
    with street.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(visitors)).scalar_one() == 0


def test_every_rule_of_the_documents_is_known() -> None:
    (literal,) = (field.type for field in msgspec.structs.fields(Audience) if field.name == "rule")
    assert set(get_args(literal)) == set(_RULES)


async def test_a_timer_waits_for_another_workers_partition_and_rings_once(database: Database, clock: FakeClock) -> None:
    street = Street(database, clock)
    await street.told(did("add_to_cart", "hat", at=clock()))
    clock.advance(31 * MINUTE)
    street.log.put(did("purchase", "hat", at=clock()))
    # Another worker has the partition with the purchase in it, and is behind; this one has read all that is its own.
    idle = AudienceView(Elsewhere(street.log), database, clock, lambda: street.live)
    assert await idle.step() == 0
    assert "carts" not in [membership.audience for membership in of(database, "shop", "s1_anna")]
    await street.told()
    assert await idle.step() == 0
    assert [each for each in street.story() if each[0] == "carts"] == [], "it was bought before anybody was reminded"


async def test_two_workers_ring_a_timer_once(database: Database, clock: FakeClock) -> None:
    street = Street(database, clock)
    await street.told(did("add_to_cart", "hat", at=clock()))
    clock.advance(31 * MINUTE)
    other = AudienceView(Elsewhere(street.log), database, clock, lambda: street.live)
    rung = await asyncio.gather(street.view.step(), other.step())
    assert sorted(rung) == [0, 1]
    assert [each[1] for each in street.story() if each[0] == "carts"] == ["in"]


class Elsewhere(MemoryLog):
    """The same log for a worker to whom no partition was given."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__()
        self.entries = log.entries

    async def consumer(
        self, name: str, *, start: Literal["first", "last"] = "first", share: bool = True
    ) -> MemoryConsumer:
        return Nothing(self, name)


class Nothing(MemoryConsumer):
    def __init__(self, log: MemoryLog, name: str) -> None:
        log.committed[name] = 0
        super().__init__(log, name)

    async def poll(self, limit: int, wait_ms: int = 0) -> Sequence[Entry]:
        return []
