"""What holds for every platform: guards, restarts, another account, a record of all that leaves."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.egress.send import Door
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.feeds import FeedBuilder, receipts
from rekindle.feeds.push import planning
from rekindle.feeds.push.pusher import PushRefused, approve, platform_of
from rekindle.sandbox.platforms.merchant_api import MerchantCenter
from rekindle.workspace import Feed, FeedPush
from tests.conftest import FakeClock
from tests.feeds.conftest import Shelf
from tests.feeds.push.conftest import GOOGLE_SETTINGS, World, google, meta
from tests.scratch import fresh_state


async def test_a_push_never_removes_a_third_of_the_items_unasked(world: World) -> None:
    world.use(google())
    world.stock(*(f"P{number:02}" for number in range(10)))
    world.publish()
    await world.settle()
    for number in range(4):
        del world.goods[f"P{number:02}"]
    world.stock("P09", title="New")
    world.publish()
    await world.settle()
    there = world.center.offers(world.clock())
    assert len(there) == 10
    assert there["P09"]["productAttributes"]["title"] == "New", "what is no removal goes on"
    with world.database.read() as connection:
        push = world.push.push(connection)
    assert push.held_reason == "4 of 10 items would be removed at the platform; 30% is allowed"
    with world.database.begin() as connection:
        assert approve(connection, world.database.dialect, "shop", "feed", "eva") == 4
    await world.settle()
    assert len(world.center.offers(world.clock())) == 6 == len(world.states())


async def test_a_version_that_a_person_approved_may_remove_as_many(world: World) -> None:
    feed = google()
    feed.max_shrink = 0.3
    world.use(feed)
    world.stock(*(f"P{number:02}" for number in range(10)))
    world.publish()
    await world.settle()
    for number in range(5):
        del world.goods[f"P{number:02}"]
    held = world.publish()
    await world.settle()
    assert len(world.center.offers(world.clock())) == 10, "a held version is not pushed"
    world.builder.approve("shop", "feed", held, "eva")
    await world.settle()
    assert len(world.center.offers(world.clock())) == 5


async def test_items_that_come_back_end_the_hold(world: World) -> None:
    world.use(google())
    goods = [f"P{number:02}" for number in range(10)]
    world.stock(*goods)
    world.publish()
    await world.settle()
    for name in goods[:4]:
        del world.goods[name]
    world.publish()
    await world.settle()
    world.stock(*goods[:3])
    world.publish()
    await world.settle()
    assert set(world.center.offers(world.clock())) == set(goods) - {"P03"} == set(world.states())


async def test_a_rollback_pushes_the_older_items_again(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    world.publish()
    await world.settle()
    world.stock("A", price=Decimal("149.00"))
    world.publish()
    await world.settle()
    world.builder.rollback("shop", "feed")
    await world.settle()
    price = world.center.offers(world.clock())["A"]["productAttributes"]["price"]["amountMicros"]
    assert price == "199000000"


async def test_many_versions_later_all_is_compared(world: World) -> None:
    feed = google()
    feed.keep_versions = 2
    world.use(feed)
    world.stock(*"ABCDE")
    world.publish()
    await world.settle()
    for number in range(5):
        world.stock("A", title=f"Title {number}")
        if number == 2:
            del world.goods["E"]
        world.publish()
    await world.settle()
    assert set(world.center.offers(world.clock())) == set("ABCD")
    assert world.center.offers(world.clock())["A"]["productAttributes"]["title"] == "Title 4"
    assert world.center.inserts == 6, "what did not change was not sent again"


async def test_another_account_gets_everything(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    world.publish()
    await world.settle()
    world.center = MerchantCenter(data_source="999")
    world.use(google(settings={"data_source": "999"}))
    world.restart()
    await world.settle()
    assert set(world.center.offers(world.clock())) == {"A", "B"}


async def test_nothing_leaves_without_a_record(world: World) -> None:
    world.use(google())
    world.stock("A")
    world.publish()
    world.ledger.broken = True
    with pytest.raises(RuntimeError):
        await world.settle()
    assert world.wire.sent == []
    world.ledger.broken = False
    await world.settle()
    first, second = world.ledger.lines
    assert (first.kind, first.action, first.facts["items"]) == ("publication", "push", 1)
    assert (second.action, second.facts["results"]) == ("answer", {"delivered": 1})


async def test_a_receipt_tells_what_became_of_the_version(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    world.publish()
    await world.settle()
    with world.database.read() as connection:
        assert receipts.last_accepted(connection, "shop", "feed") == {"push": (1, world.clock())}


async def test_one_feed_that_cannot_be_pushed_stops_no_other(world: World) -> None:
    world.use(google(), broken=Feed(channel="ceneo", push=FeedPush()))
    world.stock("A")
    world.publish()
    await world.settle()
    assert world.states() == {"A": "accepted"}


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        (Feed(channel="ceneo", push=FeedPush()), "takes no items by API"),
        (google(settings={"account": ""}), "account is missing"),
        (google(settings={"colour": "red"}), "unknown setting 'colour'"),
        (google(settings={"access_token": "clear"}), "is a secret and is never written here"),
        (google(settings={"batch": 500}), "write a whole number from 1 to 100"),
        (meta(settings={"api_base": "http://far.example"}), "must be https"),
    ],
)
def test_a_push_that_cannot_be_is_told_in_words(feed: Feed, words: str) -> None:
    with pytest.raises(PushRefused, match=words):
        platform_of(feed)


def test_means_of_a_token_that_renews_itself_are_enough() -> None:
    means = {name: {"secret": name} for name in ("client_id", "client_secret", "refresh_token")}
    given_ = {name: value for name, value in GOOGLE_SETTINGS.items() if name != "access_token"}
    platform_of(Feed(channel="google_merchant", push=FeedPush(settings=given_ | means)))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 11), st.integers(1, 5)),
        st.tuples(st.just("gone"), st.integers(0, 11), st.just(0)),
        st.tuples(st.just("publish"), st.just(0), st.just(0)),
        st.tuples(st.just("push"), st.just(0), st.just(0)),
        st.tuples(st.just("lose"), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 40), st.just(0)),
    ),
    min_size=3,
    max_size=14,
)


class _Crash(BaseException):
    """The process ends here."""


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
async def test_whatever_happens_the_platform_ends_with_what_is_published(tmp_path_factory, steps) -> None:
    """Changes, removals, lost answers and crashes at any point, in any order; nothing is lost and nothing is left over."""
    folder = tmp_path_factory.mktemp("push")
    clock, blobs = FakeClock(), FolderBlobs(folder / "blobs")
    database = open_database(fresh_state(folder / "state.db"))
    shelf = Shelf(folder)
    world = World(FeedBuilder(database, blobs, shelf, clock, folder / "work"), database, blobs, shelf, clock)
    try:
        world.use(google(max_removals=1.0, settings={"batch": 4}))
        world.stock(*(f"P{number:02}" for number in range(0, 12, 2)))
        for kind, number, value in steps:
            name = f"P{number:02}"
            if kind == "change":
                world.stock(name, price=Decimal(value * 10))
            elif kind == "gone" and len(world.goods) > 1:
                world.goods.pop(name, None)
            elif kind == "publish":
                world.publish()
            elif kind == "push":
                await world.pusher.step()
            elif kind == "lose":
                world.wire.lost = number
            elif kind == "crash":
                await _crash(world, number)
            elif kind == "wait":
                clock.advance(number * 60_000)
        world.wire.lost = 0
        world.publish()
        for _ in range(30):
            await world.later(60_000)
        there = world.center.offers(clock())
        assert {name: int(each["productAttributes"]["price"]["amountMicros"]) for name, each in there.items()} == {
            name: int(each.price * 1_000_000) for name, each in world.goods.items() if each.price is not None
        }
        assert set(world.states()) == set(world.goods)
        assert set(world.states().values()) == {"accepted"}
    finally:
        database.close()


async def _crash(world: World, after: int) -> None:
    """End the process at the so-many-th transaction of a step, then start it again."""
    real, left = world.database.begin, [after]

    def begin():
        if left[0] == 0:
            raise _Crash
        left[0] -= 1
        return real()

    world.database.begin = begin  # type: ignore[method-assign]
    try:
        await world.pusher.step()
    except _Crash:
        pass
    finally:
        world.database.begin = real  # type: ignore[method-assign]
    world.restart()


async def test_memory_does_not_grow_with_the_backlog(world: World, monkeypatch) -> None:
    """However many items wait, one step takes up a bounded number of them."""
    monkeypatch.setattr(planning, "CHUNK", 100)
    world.use(google())
    world.stock(*(f"P{number:04}" for number in range(1_500)))
    world.publish()
    seen: list[int] = []
    real = Door.ask

    async def ask(self, name, account, limits, request):
        seen.append(len(request.body))
        return await real(self, name, account, limits, request)

    monkeypatch.setattr(Door, "ask", ask)
    await world.pusher.step()
    assert len(world.center.offers(world.clock())) == 800, "eight requests of a hundred, and no more were read"
    await world.settle()
    assert len(world.center.offers(world.clock())) == 1_500
    assert max(seen) < 200_000


async def test_an_item_whose_answer_was_lost_is_removed_when_it_goes(world: World) -> None:
    world.use(google(max_removals=1.0))
    world.stock("A", "B")
    world.publish()
    world.wire.lost = 1
    await world.pusher.step()
    del world.goods["B"]
    world.publish()
    await world.later(60_000)
    assert set(world.center.offers(world.clock())) == {"A"} == set(world.states())


async def test_a_plan_that_was_broken_off_is_made_whole_by_the_next(world: World, monkeypatch) -> None:
    world.use(google(max_removals=1.0))
    world.stock("A")
    world.publish()
    await world.settle()
    world.stock("B")
    world.publish()
    monkeypatch.setattr(planning.Planner, "_finish", _broken)
    with pytest.raises(_Crash):
        await world.pusher.step()
    monkeypatch.undo()
    del world.goods["B"]
    world.publish()
    await world.settle()
    assert set(world.center.offers(world.clock())) == {"A"} == set(world.states())


def _broken(*_: object) -> None:
    raise _Crash
