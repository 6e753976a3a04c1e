"""Freshness: how old price and stock are at the source, in the live version, and at every channel that took one."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.feeds import receipts
from rekindle.feeds.quality.freshness import FreshnessCheck, Spread, _confirmed, _Point
from rekindle.feeds.receipts import Receipt
from tests.feeds.conftest import META, product, shop
from tests.feeds.quality.test_drift import Ages

MINUTE = 60_000


@pytest.fixture
def published(builder, shelf, database, clock):
    shelf.put(product("A"), product("B"), product("C", link=None))
    return builder.build(shop(main=META), "main")


def took(database, version: int, route: str, at_ms: int, status="fetched", kind="url") -> None:
    with database.begin() as connection:
        receipts.record(
            connection,
            Receipt(workspace="shop", feed="main", version=version, route=route, kind=kind, status=status, at_ms=at_ms),
        )


def test_each_stage_is_as_old_as_the_value_it_holds(
    published, database, blobs, builder, shelf, clock, tmp_path
) -> None:
    made = published.created_ms
    took(database, 1, "pull", made + MINUTE)
    clock.advance(60 * MINUTE)
    shelf.put(product("A", price=5), product("B"))
    second = builder.build(shop(main=META), "main")
    assert second.version == 2
    clock.advance(10 * MINUTE)
    now = clock()
    changed = second.created_ms - MINUTE
    # A's price changed after version 1; B has not changed for long; both were seen five minutes ago.
    ages = Ages(tmp_path, [("A", now - 5 * MINUTE, changed, made - 9), ("B", now - 5 * MINUTE, made - 9, made - 9)])
    check = FreshnessCheck(database, blobs, ages)
    report = check.report(second, second.created_ms, 30 * MINUTE, now)
    source, live, pull = report.stages
    five = Spread(5 * MINUTE, 5 * MINUTE, 5 * MINUTE)
    assert (report.items, report.unknown) == (2, 0)
    assert (source.name, source.price, source.stock, source.late) == ("source", five, five, 0)
    assert (live.name, live.version, live.since_ms, live.price, live.late) == (
        "published",
        2,
        second.created_ms,
        five,
        0,
    )
    assert (pull.name, pull.version, pull.since_ms) == ("pull", 1, made + MINUTE)
    assert pull.price == Spread(5 * MINUTE, now - made, now - made), "the channel has a price that is gone"
    assert (pull.stock, pull.late) == (five, 1)
    assert report.farthest == pull
    a, b = sorted(check.items(second, second.created_ms, now), key=lambda each: each.item_id)
    assert a.price == {"source": 5 * MINUTE, "published": 5 * MINUTE, "pull": now - made}
    assert b.price == b.stock == {"source": 5 * MINUTE, "published": 5 * MINUTE, "pull": 5 * MINUTE}
    assert [each.item_id for each in check.items(second, second.created_ms, now, "B")] == ["B"]
    took(database, 2, "pull", now)
    assert check.report(second, second.created_ms, 30 * MINUTE, now).stages[2].late == 0


def test_what_failed_was_not_taken_and_sources_without_ages_are_told(
    published, database, blobs, clock, tmp_path
) -> None:
    took(database, 1, "shop-server", clock(), status="failed", kind="sftp")
    report = FreshnessCheck(database, blobs, Ages(tmp_path)).report(published, clock(), MINUTE, clock())
    assert [stage.name for stage in report.stages] == ["source", "published"]
    assert (report.items, report.unknown) == (2, 2)
    assert report.farthest.name == "published"
    assert report.farthest.price == Spread(0, 0, 0)


def test_a_whole_reading_counts_as_seeing_every_item(published, database, blobs, clock, tmp_path) -> None:
    now = clock() + 9 * MINUTE
    ages = Ages(tmp_path, [("A", 5, 5, 5), ("B", 5, 5, 5)], read_ms=now - MINUTE)
    report = FreshnessCheck(database, blobs, ages).report(published, clock(), MINUTE - 1, now)
    assert report.stages[0].price.oldest_ms == MINUTE
    assert report.stages[1].late == 2


@settings(max_examples=25, deadline=None)
@given(seen=st.integers(0, 100), changed=st.integers(0, 100), made=st.integers(0, 100))
def test_no_stage_is_fresher_than_its_source(seen: int, changed: int, made: int) -> None:
    seen = max(seen, changed)  # a change is seen when it is read
    with duckdb.connect() as engine:
        engine.execute(f"CREATE TABLE t AS SELECT {seen} AS seen_ms, {changed} AS price_ms")
        row = engine.execute(f"SELECT {_confirmed('price_ms', _Point('x', 1, 0, made))} FROM t").fetchone()
    assert row is not None
    assert row[0] <= seen
    assert row[0] == (seen if changed <= made else made)
