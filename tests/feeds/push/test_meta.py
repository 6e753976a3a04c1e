"""Items at a Meta catalogue: taken under a handle, decided later, item by item."""

from __future__ import annotations

from decimal import Decimal

from rekindle.egress.connector import Answer
from rekindle.egress.items import line_states
from rekindle.feeds.push import _store
from tests.feeds.push.conftest import World, meta

HOUR = 3_600_000


async def _all(world: World, *seconds: int) -> None:
    await world.settle()
    for each in seconds or (5, 10, 20, 40):
        await world.later(each * 1000)


async def test_a_batch_is_asked_about_until_it_is_finished(world: World) -> None:
    world.use(meta())
    world.stock("A", "B")
    world.publish()
    await world.settle()
    assert world.states() == {"A": "taken", "B": "taken"}
    await _all(world, 5, 10)
    assert world.states() == {"A": "taken", "B": "taken"}, "started and in_progress decide nothing"
    await _all(world, 20)
    assert world.states() == {"A": "accepted", "B": "accepted"}
    assert world.catalogue.items["A"]["price"] == "199.00 PLN"
    assert world.catalogue.items["A"]["availability"] == "in stock"
    with world.database.read() as connection:
        assert world.push.open_tickets(connection) == 0


async def test_refused_items_are_named_by_id_and_the_others_are_there(world: World) -> None:
    world.use(meta())
    names = [f"P{number:03}" for number in range(120)]
    world.stock(*names)
    world.catalogue.banned = {f"P{number:03}" for number in range(110)}  # more than Meta has words for
    world.publish()
    await _all(world)
    states = world.states()
    assert {name for name, state in states.items() if state == "refused"} == world.catalogue.banned
    rows = world.rows()
    words = [row.words for row in rows.values() if row.state == "refused"]
    assert words.count("The item does not comply with the commerce policies") == 100
    assert words.count("Meta gives no words") == 10
    assert set(world.catalogue.items) == set(names) - world.catalogue.banned


async def test_removals_and_changes_share_a_request(world: World) -> None:
    world.use(meta())
    world.stock("A", "B", "C", "D")
    world.publish()
    await _all(world)
    del world.goods["D"]
    world.stock("A", price=Decimal("99.00"))
    world.publish()
    await _all(world)
    assert world.catalogue.requests == [4, 2]
    assert set(world.catalogue.items) == {"A", "B", "C"} == set(world.states())
    assert world.catalogue.items["A"]["price"] == "99.00 PLN"


async def test_a_sale_that_is_over_is_over_at_the_platform(world: World) -> None:
    world.use(meta())
    world.stock("A", sale_price=Decimal("99.00"), color="red")
    world.publish()
    await _all(world)
    assert (world.catalogue.items["A"]["sale_price"], world.catalogue.items["A"]["color"]) == ("99.00 PLN", "red")
    world.stock("A")
    world.publish()
    await _all(world)
    assert (world.catalogue.items["A"]["sale_price"], world.catalogue.items["A"]["color"]) == ("", "")


async def test_an_expired_handle_means_sending_again(world: World) -> None:
    world.use(meta())
    world.stock("A", "B")
    world.catalogue._forget_ms = 1_000
    world.publish()
    await world.settle()
    await _all(world, 5)
    world.catalogue._forget_ms = HOUR
    await _all(world, 10, 20, 40, 80)
    assert world.states() == {"A": "accepted", "B": "accepted"}
    assert world.catalogue.requests == [2, 2]


async def test_a_status_that_never_comes_is_given_up_after_a_day(world: World) -> None:
    world.use(meta())
    world.stock("A")
    world.publish()
    await world.settle()
    world.wire.before = lambda request: Answer(200, {}, b'{"data": []}') if request.method == "GET" else None
    for _ in range(150):
        await world.later(600_000)
    assert len(world.catalogue.requests) == 2, "sent again once, a day later"


async def test_a_request_that_is_too_large_is_halved(world: World) -> None:
    world.use(meta())
    world.stock(*(f"P{number:02}" for number in range(16)))
    large = b'{"error": {"code": 1, "message": "Please reduce the amount of data you\'re asking for, then retry"}}'
    world.wire.before = lambda request: (
        Answer(500, {}, large) if request.method == "POST" and request.body.count(b"UPDATE") > 5 else None
    )
    world.publish()
    await _all(world)
    assert sorted(world.catalogue.requests) == [4, 4, 4, 4]
    assert set(world.states().values()) == {"accepted"}


async def test_calls_over_the_limit_wait_as_long_as_meta_says(world: World) -> None:
    world.use(meta(settings={"batch": 2}))
    world.catalogue._per_hour = 2
    world.stock(*"ABCDEFGH")
    world.publish()
    await _all(world)
    assert line_states(world.database, "shop")["feed"].state == "throttled"
    sent = len(world.catalogue.requests)
    for _ in range(50):
        await world.later(60_000)
    assert len(world.catalogue.requests) == sent
    for _ in range(300):
        await world.later(60_000)
    assert set(world.states().values()) == {"accepted"}


async def test_items_that_the_platform_checks_at_once_are_named_at_once(world: World) -> None:
    world.use(meta())
    world.stock("A", "B", "C")
    told = b'{"handles": [], "validation_status": [{"retailer_id": "B", "errors": [{"message": "price is wrong"}]}]}'
    world.wire.before = lambda request: (
        Answer(200, {}, told) if request.method == "POST" and b'"B"' in request.body else None
    )
    world.publish()
    await _all(world)
    assert world.states() == {"A": "accepted", "B": "refused", "C": "accepted"}
    assert world.rows()["B"].words == "price is wrong"


async def test_a_catalogue_one_may_not_use_holds_the_push(world: World) -> None:
    world.use(meta(settings={"catalog_id": "1"}))
    world.stock("A")
    world.publish()
    await world.settle()
    assert line_states(world.database, "shop")["feed"].state == "held"
    assert world.states() == {"A": _store.WAITING}
