"""Items at Google Merchant Center: inserted whole, reviewed later, kept from expiring."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rekindle.egress.items import line_states
from rekindle.feeds import receipts
from rekindle.sandbox.platforms.merchant_api import MerchantCenter
from rekindle.workspace import FeedRule
from tests.feeds.push.conftest import World, google

MINUTE, DAY = 60_000, 86_400_000


async def test_a_publication_reaches_the_platform_and_only_what_changed_goes_again(world: World) -> None:
    world.use(google())
    world.stock(*(f"P{number:03}" for number in range(250)))
    world.publish()
    await world.settle()
    assert len(world.center.offers(world.clock())) == 250
    assert sorted(world.center.requests) == [50, 100, 100], "requests are as large as the platform advises"
    assert set(world.states().values()) == {"accepted"}
    world.stock("P007", price=Decimal("149.00"))
    world.publish()
    await world.settle()
    assert world.center.inserts == 251
    price = world.center.offers(world.clock())["P007"]["productAttributes"]["price"]
    assert price == {"amountMicros": "149000000", "currencyCode": "PLN"}


async def test_what_is_no_change_for_the_platform_is_not_sent(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    world.publish()
    await world.settle()
    # The source says more of the item, and nothing that this channel publishes.
    world.stock("A", attributes={"warehouse": "7"})
    second = world.publish()
    await world.settle()
    assert (second, world.center.inserts) == (2, 2)
    with world.database.read() as connection:
        assert world.push.push(connection).version == 2


async def test_an_item_that_is_published_no_more_is_removed(world: World) -> None:
    world.use(google())
    world.stock("A", "B", "C", "D", "E/1~%")
    world.publish()
    await world.settle()
    del world.goods["E/1~%"]
    world.publish()
    await world.settle()
    assert set(world.center.offers(world.clock())) == {"A", "B", "C", "D"} == set(world.states())
    assert world.center.deletes == 1


async def test_blocked_and_excluded_items_are_not_pushed_and_go_when_they_become_so(world: World) -> None:
    world.use(google(FeedRule(do="exclude", when="quantity < 1")))
    world.stock("A", "B", "C", "D")
    world.stock("empty", quantity=0)
    world.stock("blocked", title="")
    world.publish()
    await world.settle()
    assert set(world.center.offers(world.clock())) == {"A", "B", "C", "D"}
    world.stock("A", quantity=0)
    world.publish()
    await world.settle()
    assert set(world.center.offers(world.clock())) == {"B", "C", "D"}


async def test_text_that_a_machine_wrote_goes_to_the_structured_attribute(world: World) -> None:
    rules = [
        FeedRule(do="set", attribute="structured_title", value="trained_algorithmic_media:Cover: soft"),
        FeedRule(do="set", attribute="title", value=""),
    ]
    world.use(google(*rules))
    world.stock("A")
    world.publish()
    await world.settle()
    sent = world.center.offers(world.clock())["A"]["productAttributes"]
    assert sent["structuredTitle"] == {"digitalSourceType": "TRAINED_ALGORITHMIC_MEDIA", "content": "Cover: soft"}
    assert "title" not in sent


async def test_a_bad_item_is_set_aside_and_named_and_the_rest_goes(world: World) -> None:
    world.use(google(settings={"feed_label": "PL"}))
    world.stock(*(f"P{number:02}" for number in range(20)))
    world.publish()

    # The platform's rules and ours differ: it refuses what the channel's specification allows.
    world.center._insert = _refusing(world.center, "P03")  # type: ignore[method-assign]
    await world.settle()
    states = world.states()
    assert states.pop("P03") == "refused"
    assert set(states.values()) == {"accepted"}
    row = world.rows()["P03"]
    assert (row.code, row.words) == ("invalid", "productAttributes.link: is not allowed here")
    with world.database.read() as connection:
        (receipt,) = receipts.history(connection, "shop", "feed", "push")
    assert (receipt.status, receipt.detail) == ("accepted", "19 items, 1 refused")
    world.center._insert = MerchantCenter._insert.__get__(world.center)  # type: ignore[method-assign]
    world.stock("P03", title="Another")
    world.publish()
    await world.settle()
    assert world.states()["P03"] == "accepted", "a refused item goes again when it changes"


def _refusing(center: MerchantCenter, offer: str) -> Any:
    from rekindle.sandbox.platforms.merchant_api import _invalid

    real = center._insert

    def insert(raw: bytes, now_ms: int) -> Any:
        if f'"{offer}"'.encode() in raw:
            return _invalid("productAttributes.link", "is not allowed here")
        return real(raw, now_ms)

    return insert


async def test_what_the_review_finds_is_brought_home(world: World) -> None:
    world.use(google())
    world.stock("A", "B", "C")
    world.center.issues = {
        "A": [{"code": "image_link_broken", "severity": "DISAPPROVED", "attribute": "image_link",
               "description": "Invalid image", "detail": "The image cannot be fetched."}],
        "B": [{"code": "missing_color", "severity": "NOT_IMPACTED", "description": "Missing color"},
              {"code": "low_image_quality", "severity": "DEMOTED", "description": "Small image"}],
    }  # fmt: skip
    world.publish()
    await world.settle()
    assert set(world.states().values()) == {"accepted"}, "the review comes later"
    await world.later(10 * MINUTE)
    rows = world.rows()
    assert (rows["A"].state, rows["A"].code) == ("refused", "image_link_broken")
    assert rows["A"].words == "image_link: Invalid image The image cannot be fetched."
    assert (rows["B"].state, rows["B"].code) == ("accepted", "low_image_quality")
    assert (rows["C"].state, rows["C"].code) == ("accepted", "")
    with world.database.read() as connection:
        assert world.push.open_tickets(connection) == 0


async def test_a_review_that_is_not_done_is_asked_for_again_and_not_for_ever(world: World) -> None:
    world.use(google())
    world.center._process_ms = 25 * 60 * MINUTE
    world.stock("A")
    world.publish()
    await world.settle()
    asked = 0
    for _ in range(30):
        before = len(world.wire.sent)
        await world.later(60 * MINUTE)
        asked += len(world.wire.sent) - before
    assert 5 <= asked <= 12
    assert world.states() == {"A": "accepted"}
    with world.database.read() as connection:
        assert world.push.open_tickets(connection) == 0


async def test_a_review_of_an_older_content_says_nothing_of_the_newer(world: World) -> None:
    world.use(google())
    world.stock("A")
    world.publish()
    await world.settle()
    world.clock.advance(9 * MINUTE)
    world.stock("A", title="New")
    world.publish()
    await world.settle()
    world.center.issues = {"A": [{"code": "x", "severity": "DISAPPROVED", "description": "bad"}]}
    await world.later(2 * MINUTE)  # the first request is asked about: it has no items any more
    assert world.states() == {"A": "accepted"}
    await world.later(9 * MINUTE)
    assert world.states() == {"A": "refused"}


async def test_items_are_sent_again_before_the_platform_forgets_them(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    world.publish()
    await world.settle()
    for _ in range(120):
        await world.later(DAY // 2)
        assert set(world.center.offers(world.clock())) == {"A", "B"}
    assert world.center.inserts == 6, "three times in sixty days, not each day"


async def test_a_late_answer_to_an_old_content_does_not_undo_a_new_one(world: World) -> None:
    world.use(google())
    world.stock("A")
    world.publish()
    await world.settle()
    late = world.wire.sent[0]
    world.stock("A", price=Decimal("99.00"))
    world.publish()
    await world.settle()
    await world.wire.send(late, _limits())
    price = world.center.offers(world.clock())["A"]["productAttributes"]["price"]["amountMicros"]
    assert price == "99000000", "the version number kept the older insert out"


def _limits() -> Any:
    from rekindle.feeds.platforms.google_merchant.account import manifest

    return manifest.limits


async def test_a_quota_by_the_minute_is_waited_for(world: World) -> None:
    world.use(google())
    world.center._per_minute = 60
    world.stock(*(f"P{number:03}" for number in range(150)))
    world.publish()
    for _ in range(200):
        await world.later(5_000)
        if set(world.states().values()) == {"accepted"}:
            break
    assert len(world.center.offers(world.clock())) == 150


async def test_a_daily_quota_is_left_alone_for_an_hour_at_a_time(world: World) -> None:
    world.use(google())
    world.center._per_day = 3
    world.stock(*"ABCDE")
    world.publish()
    await world.settle()
    assert sorted(world.states().values()) == ["accepted"] * 3 + ["waiting"] * 2
    before = len(world.wire.sent)
    await world.later(50 * MINUTE)
    assert len(world.wire.sent) == before
    for _ in range(30):
        await world.later(60 * MINUTE)
    assert set(world.states().values()) == {"accepted"}


async def test_a_dead_token_holds_the_push_and_a_new_one_lets_it_go_on(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    world.center.revoked = True
    world.publish()
    await world.settle()
    assert line_states(world.database, "shop")["feed"].state == "held"
    assert set(world.states().values()) == {"waiting"}, "nothing is wrong with the items"
    before = len(world.wire.sent)
    await world.later(5 * MINUTE)
    assert len(world.wire.sent) == before
    world.center.revoked = False
    world.secrets["platform"] = "another"
    for _ in range(3):
        await world.later(30_000)
    assert set(world.states().values()) == {"accepted"}
    assert line_states(world.database, "shop")["feed"].state == "running"


async def test_a_missing_secret_holds_the_push_in_words(world: World) -> None:
    world.use(google())
    world.secrets.clear()
    world.stock("A")
    world.publish()
    await world.settle()
    state = line_states(world.database, "shop")["feed"]
    assert (state.state, "platform" in state.words) == ("held", True)
    assert world.wire.sent == []


async def test_a_platform_that_is_down_is_tried_now_and_then(world: World) -> None:
    world.use(google())
    world.stock("A", "B")
    from rekindle.egress.connector import Answer

    world.wire.before = lambda _: Answer(503)
    world.publish()
    for _ in range(40):
        await world.later(1_000)
    assert line_states(world.database, "shop")["feed"].state == "open"
    assert len(world.wire.sent) < 30
    world.wire.before = lambda _: None
    for _ in range(4):
        await world.later(30_000)
    assert set(world.states().values()) == {"accepted"}


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_lost_answer_is_no_lost_item(world: World, lost: int) -> None:
    world.use(google())
    world.stock(*(f"P{number:03}" for number in range(250)))
    world.publish()
    world.wire.lost = lost
    await world.settle()
    for _ in range(5):
        await world.later(10_000)
    assert set(world.states().values()) == {"accepted"}
    assert len(world.center.offers(world.clock())) == 250
