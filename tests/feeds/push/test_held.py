"""What a platform holds of each item is what ages are counted from: not when the whole push was done."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from rekindle.egress.connector import Answer, OutRequest
from rekindle.feeds.push import pushed_item
from rekindle.feeds.quality import ItemAge
from rekindle.feeds.quality.freshness import FreshnessCheck, FreshnessReport
from rekindle.feeds.versions import live
from tests.feeds.push.conftest import World, google
from tests.feeds.quality.test_drift import Ages

MINUTE = 60_000


def report(world: World, folder: Path, rows: list[tuple[str, int, int, int]]) -> tuple[FreshnessReport, list[ItemAge]]:
    check = FreshnessCheck(world.database, world.blobs, Ages(folder, rows))
    with world.database.read() as connection:
        pointer = live(connection, "shop", "feed")
    assert pointer is not None
    now = world.clock()
    items = sorted(check.items(*pointer, now), key=lambda each: each.item_id)
    only = [each for name, *_ in rows for each in check.items(*pointer, now, name)]
    assert only == items, "one item alone is told the same of"
    return check.report(*pointer, 30 * MINUTE, now), items


async def test_ages_are_those_of_what_the_platform_took_of_each_item(world: World, tmp_path: Path) -> None:
    world.use(google())
    world.stock("A", "B")
    made = world.clock()
    world.publish()
    await world.settle()
    accepted = {name: row.accepted_ms for name, row in world.rows().items()}
    world.clock.advance(60 * MINUTE)
    world.wire.before = _refusing("B", "C")
    world.stock("A", price=Decimal(5))
    world.stock("B", price=Decimal(6))
    world.stock("C")
    world.publish()
    changed = world.clock()
    await world.settle()
    world.clock.advance(MINUTE)
    now = world.clock()
    rows = [("A", now, changed, made - 9), ("B", now, changed, made - 9), ("C", now, changed, changed)]
    told, (a, b, c) = report(world, tmp_path, rows)
    push = next(stage for stage in told.stages if stage.name == "push")
    assert (push.version, push.behind, push.missing, push.late) == (2, 1, 1, 1)
    assert (a.price["push"], a.stock["push"]) == (0, 0), "it has what the source said a moment ago"
    assert b.price["push"] == b.stock["push"] == now - accepted["B"], "an older form is as old as its acceptance"
    assert c.price["push"] is None
    assert push.price.oldest_ms == now - accepted["B"]
    of_a, of_b, of_c = (pushed_item(world.database, "shop", "feed", name) for name in "ABC")
    assert of_a is not None
    assert (of_a.state, of_a.current) == ("accepted", True)
    assert of_b is not None
    assert (of_b.state, of_b.current, of_b.accepted_ms) == ("refused", False, accepted["B"])
    assert of_c is not None
    assert (of_c.state, of_c.current, of_c.accepted_ms) == ("refused", False, 0)
    assert pushed_item(world.database, "shop", "feed", "D") is None


async def test_no_item_with_a_known_age_is_no_fault(world: World, tmp_path: Path) -> None:
    world.use(google())
    world.stock("A")
    world.publish()
    await world.settle()
    told, _ = report(world, tmp_path, [])
    push = next(stage for stage in told.stages if stage.name == "push")
    assert (told.unknown, push.late, push.behind, push.missing) == (1, 0, 0, 0)


async def test_a_feed_that_was_not_pushed_yet_has_no_such_stage(world: World, tmp_path: Path) -> None:
    world.use(google())
    world.stock("A")
    world.publish()
    told, (a,) = report(world, tmp_path, [("A", 5, 5, 5)])
    assert [stage.name for stage in told.stages] == ["source", "published"]
    assert "push" not in a.price


def _refusing(*names: str):
    def before(request: OutRequest) -> Answer | None:
        hit = any(f'"offerId":"{name}"'.encode() in (request.body or b"").replace(b" ", b"") for name in names)
        return Answer(400, {}, b'{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"no"}}') if hit else None

    return before
