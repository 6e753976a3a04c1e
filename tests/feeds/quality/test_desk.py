"""The desk keeps the newest reports, a line a day, and is not stopped by one feed that cannot be compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rekindle.feeds.quality import QualityDesk, Reports, newest, reports, trend
from rekindle.feeds.quality._tables import feed_quality
from rekindle.model.ports import ItemSeen
from tests.conftest import FakeClock
from tests.feeds.conftest import GOOGLE, META, product, shop
from tests.feeds.quality.test_drift import Ages, price
from tests.feeds.quality.test_ids import Seen

MINUTE = 60_000
DAY = 86_400_000


@pytest.fixture
def desk(builder, database, blobs, shelf, clock: FakeClock, tmp_path) -> QualityDesk:
    now = clock()
    seen = Seen([ItemSeen("A", 3, 0, 0, now), ItemSeen("x", 1, 0, 0, now)], [price("A", "5", now)])
    shelf.put(product("A"), product("B", link=None))
    return QualityDesk(
        database, blobs, shelf, seen, Ages(tmp_path, [("A", now - MINUTE, 0, 0)]), clock, tmp_path / "work"
    )


def kept(database) -> Reports:
    return newest(database, "shop")["main"]


def test_reports_are_made_after_a_version_and_every_quarter_of_an_hour(desk, builder, shelf, database, clock) -> None:
    both = shop(main=META, unbuilt=GOOGLE)
    assert desk.step([both]) == 0, "nothing is published"
    assert newest(database, "shop") == {}
    builder.build(both, "main")
    assert desk.step([both]) == 1
    found = kept(database)
    assert found.ids is not None
    assert found.ids.share == 0.75
    assert found.drift is not None
    assert found.drift.share == 1.0
    assert found.freshness is not None
    assert found.freshness.stages[0].price.oldest_ms == MINUTE
    assert found.at_ms == clock()
    assert desk.step([both]) == 0, "it is not due"
    clock.advance(2 * MINUTE)
    shelf.put(product("A", title="New"), product("C"))
    builder.build(both, "main")
    assert desk.step([both]) == 1, "there is another version"
    assert kept(database).version == 2
    clock.advance(15 * MINUTE)
    assert desk.step([both]) == 1


def test_each_day_has_one_line(desk, builder, database, clock) -> None:
    builder.build(shop(main=META), "main")
    start = clock() // DAY * DAY
    for number in (0, 0, 1, 2):
        clock.now_ms = start + number * DAY + clock.now_ms % DAY + 1
        desk.refresh(shop(main=META), "main")
    days = trend(database, "shop", start)["main"]
    assert [day.day_ms for day in days] == [start, start + DAY, start + 2 * DAY]
    assert (days[0].items, days[0].block, days[0].events, days[0].matched) == (1, 1, 4, 3)
    assert (days[0].compared, days[0].drifted) == (1, 1)
    clock.advance(reports.KEEP_DAYS * DAY)
    desk.refresh(shop(main=META), "main")
    assert trend(database, "shop", 0)["main"][0].day_ms == start + 2 * DAY
    assert trend(database, "other", 0) == {}


def test_a_lost_file_is_told_once_in_a_while_and_stops_no_other_feed(desk, builder, blobs, database, clock) -> None:
    both = shop(lost=GOOGLE, main=META)
    version = builder.build(both, "lost")
    builder.build(both, "main")
    blobs.remove(version.items_digest)
    assert desk.step([both]) == 1
    assert set(newest(database, "shop")) == {"main"}
    clock.advance(MINUTE)
    assert desk.step([both]) == 0


@pytest.mark.parametrize("ask", [QualityDesk.ids, QualityDesk.drift, QualityDesk.freshness])
def test_what_is_not_there_is_said_with_the_remedy(desk, ask: Callable[..., object]) -> None:
    with pytest.raises(LookupError, match="it has: main"):
        ask(desk, shop(main=META), "nope")
    with pytest.raises(LookupError, match="rekindle feeds build main"):
        ask(desk, shop(main=META), "main")


def test_a_report_of_an_older_shape_is_left_out(desk, builder, database) -> None:
    builder.build(shop(main=META), "main")
    desk.refresh(shop(main=META), "main")
    with database.begin() as connection:
        connection.execute(feed_quality.update().values(report=b'{"feed": 1}'))
    assert newest(database, "shop") == {}
