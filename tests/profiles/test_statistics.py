"""The accounting of the door: everything that came is in exactly one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest

from rekindle.engines.database import Database
from rekindle.model.record import Tally
from rekindle.profiles import IdMatchMetrics, ProfileView, series, totals
from rekindle.profiles.id_match import EXAMPLES, id_match
from tests.conftest import FakeClock
from tests.memory_log import MemoryLog
from tests.visits import did

HOUR = 3_600_000


async def test_totals_balance(database: Database, clock: FakeClock) -> None:
    now = clock()
    log = MemoryLog()
    log.put(
        did("view_item", "a", at=now, event_id="1"),
        did("view_item", "a", at=now, event_id="1"),
        did("purchase", "a", at=now),
        did("view_item", "a", at=now, bot=True),
        Tally("shop", now, "filtered", "consent-denied", 3),
        Tally("shop", now, "invalid", "malformed", 2),
        Tally("other", now, "invalid", "malformed", 5),
        did("view_item", "a", at=now - 2 * HOUR),
    )
    await ProfileView(log, database, clock).step()
    found = totals(database, "shop", now)
    assert found.accepted == {"view_item": 1, "purchase": 1}
    assert found.filtered == {"consent-denied": 3, "duplicate": 1, "bot": 1}
    assert found.invalid == {"malformed": 2}
    assert found.received == 9
    assert totals(database, "shop", 0).received == 10
    points = series(database, "shop", 0)
    assert sum(point.count for point in points) == 10
    assert [point.hour_ms for point in points] == sorted(point.hour_ms for point in points)
    assert len({point.hour_ms for point in points}) == 2


class Feeds:
    def __init__(self, ids: Mapping[str, Mapping[str, str]]) -> None:
        self.ids = ids

    def channels(self, workspace: str) -> Sequence[str]:
        return sorted(self.ids) if workspace == "shop" else []

    def missing(self, workspace: str, feed: str, item_ids: Sequence[str]) -> Mapping[str, str]:
        return {item_id: self.ids[feed].get(item_id, "unknown") for item_id in item_ids if item_id != "good"}


async def test_the_id_contract_is_counted_by_feed_and_reason(database: Database, clock: FakeClock) -> None:
    now = clock()
    log = MemoryLog()
    log.put(
        did("view_item", "good", at=now),
        did("view_item", "good", at=now, event_id="twice"),
        did("view_item", "good", at=now, event_id="twice"),
        did("purchase", "good", "Good", None, at=now),
        did("add_to_cart", "lost", at=now),
        did("page_view", "lost", at=now),
        did("view_item", "lost", at=now, bot=True),
        did("view_item", "lost", at=now, workspace="other"),
    )
    feeds = Feeds({"google": {"Good": "case"}, "meta": {}})
    await ProfileView(log, database, clock, feeds).step()
    google, meta = id_match(database, "shop", now)
    assert (google.feed, google.seen, google.matched, google.share) == ("google", 6, 3, 0.5)
    assert google.reasons == {"absent": 1, "case": 1, "unknown": 1}
    assert sorted(google.examples) == ["Good", "lost"]
    assert meta.reasons == {"absent": 1, "unknown": 2}
    assert id_match(database, "shop", now + HOUR) == []
    assert id_match(database, "other", 0) == []

    registry = CollectorRegistry()
    registry.register(IdMatchMetrics(database))
    text = generate_latest(registry).decode()
    assert 'rekindle_item_ids_total{feed="google",result="matched",workspace="shop"} 3.0' in text
    assert 'rekindle_item_ids_total{feed="meta",result="unknown",workspace="shop"} 2.0' in text


async def test_examples_are_few_and_the_newest(database: Database, clock: FakeClock) -> None:
    log = MemoryLog()
    log.put(*(did("view_item", f"lost{n:02}", at=clock() + n) for n in range(EXAMPLES + 5)))
    await ProfileView(log, database, clock, Feeds({"meta": {}})).step()
    (meta,) = id_match(database, "shop", 0)
    assert len(meta.examples) == EXAMPLES
    assert meta.examples[0] == f"lost{EXAMPLES + 4:02}"
    assert meta.seen == EXAMPLES + 5
