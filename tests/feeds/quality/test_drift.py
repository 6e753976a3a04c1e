"""Drift: prices that pages show against prices that a version publishes, and what was bought although it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from rekindle.feeds.quality.drift import DriftCheck, Drifted, DriftReport
from rekindle.model.ports import ItemSeen, PriceSeen, SourceAges
from rekindle.workspace import Feed, Quality
from tests.conftest import FakeClock
from tests.feeds.conftest import GOOGLE, META, product, shop
from tests.feeds.quality.test_ids import Seen

HOUR = 3_600_000


class Ages:
    """When the items of source ``main`` were seen and changed: (id, seen, price, stock)."""

    def __init__(self, folder: Path, rows: Sequence[tuple[str, int, int, int]] = (), read_ms: int = 0) -> None:
        self.path, self.read_ms = folder / "ages.parquet", read_ms
        values = ", ".join(f"('{i}', {s}, {p}, {k}, {p})" for i, s, p, k in rows) or "('', 0, 0, 0, 0)"
        duckdb.connect().execute(
            f"COPY (SELECT * FROM (VALUES {values}) t(id, seen_ms, price_ms, stock_ms, changed_ms)) TO '{self.path}' (FORMAT parquet)"
        )

    def sources(self, workspace: str) -> Sequence[SourceAges]:
        return [SourceAges("main", f"read_parquet('{self.path}')", self.read_ms)]


@pytest.fixture
def now(clock: FakeClock) -> int:
    return clock() // HOUR * HOUR + 30 * 60_000


@pytest.fixture
def check(builder, blobs, shelf, now, tmp_path):
    def run(products, seen: Seen, ages: Sequence[tuple[str, int, int, int]] = (), feed: Feed = META, **settings) -> DriftReport:  # fmt: skip
        shelf.put(*products)
        version = builder.build(shop(main=feed), "main")
        return DriftCheck(blobs, seen, Ages(tmp_path, ages)).report(version, Quality(**settings), "PLN", now)

    return run


def price(
    item: str, amount: str, at: int, views: int = 1, currency: str = "PLN", until: int | None = None
) -> PriceSeen:
    return PriceSeen(item, at // HOUR * HOUR, amount, currency, views, at, at if until is None else until)


@pytest.mark.parametrize("feed", [META, GOOGLE, Feed(channel="ceneo"), Feed(channel="skapiec")])
def test_a_differing_price_is_listed_with_both_values_and_since_when(check, now, feed) -> None:
    products = [product(name, price=Decimal("199.00")) for name in ("A", "B", "C", "D")]
    seen = Seen(
        [ItemSeen("A", 7, 0, 0, now)],
        [
            price("A", "149", now - 60_000, 3), price("A", "149", now - 40 * HOUR), price("A", "199", now - 2 * HOUR, 2),
            price("B", "199.3", now), price("C", "199", now), price("nowhere", "5", now),
        ],
    )  # fmt: skip
    report = check(products, seen, feed=feed)
    assert report.items == [Drifted("A", "price", "199.00 PLN", "149 PLN", now - 40 * HOUR, now - 60_000, 3, 2)]
    assert (report.compared, report.drifted, report.share) == (3, 1, pytest.approx(1 / 3))
    assert (report.ratio, report.ratio_items) == (None, 0)


def test_what_was_seen_before_the_last_change_says_nothing(check, now) -> None:
    products = [product("A"), product("B")]
    seen = Seen([], [price("A", "1", now - HOUR), price("B", "1", now - HOUR)])
    report = check(products, seen, [("A", now, now - 10, 0), ("B", now, now - 2 * HOUR, 0)])
    assert [each.item_id for each in report.items] == ["B"]
    assert report.compared == 1


def test_one_visitors_own_price_is_no_drift_and_a_new_price_of_the_page_is(check, now) -> None:
    products = [product("A"), product("B")]
    seen = Seen(
        [],
        [
            price("A", "199", now, 9), price("A", "150", now, 1),
            price("B", "199", now - 3 * HOUR, 900), price("B", "189", now, 2),
        ],
    )  # fmt: skip
    report = check(products, seen)
    assert [(each.item_id, each.views, each.agreeing) for each in report.items] == [("B", 2, 900)]


def test_rounding_and_tolerance_are_no_drift(check, now) -> None:
    products = [product("A", price=Decimal("10.00")), product("B", price=Decimal("1000.00"))]
    seen = Seen([], [price("A", "10.005", now), price("B", "1004", now)])
    assert check(products, seen).items == []
    assert [each.item_id for each in check(products, seen, tolerance=0.001).items] == ["B"]


def test_a_sale_counts_while_it_lasts(check, now) -> None:
    sale = {"sale_price": Decimal("99"), "sale_start_ms": now - 2 * HOUR, "sale_end_ms": now + HOUR}
    over = {"sale_price": Decimal("99"), "sale_start_ms": now - 9 * HOUR, "sale_end_ms": now - HOUR}
    products = [product("on", **sale), product("off", **over), product("late", **sale), product("early", **over)]
    seen = Seen(
        [], [price("on", "99", now), price("off", "199", now), price("late", "199", now), price("early", "99", now)]
    )
    for feed in (META, GOOGLE):
        report = check(products, seen, feed=feed)
        assert {each.item_id: (each.kind, each.feed_value, each.page_value) for each in report.items} == {
            "late": ("sale", "99.00 PLN", "199 PLN"), "early": ("sale", "199.00 PLN", "99 PLN"),
        }  # fmt: skip


def test_other_currencies_are_told_and_not_compared(check, now) -> None:
    products = [product("A"), product("B"), product("C")]
    seen = Seen([], [price("A", "45", now, 9, "EUR"), price("A", "199", now - HOUR), price("B", "45", now, 1, "EUR"),
                     price("C", "199", now, 1, "")])  # fmt: skip
    report = check(products, seen)
    assert [(each.item_id, each.kind, each.page_value) for each in report.items] == [("B", "currency", "45 EUR")]
    assert (report.compared, report.drifted) == (2, 0)


def test_one_ratio_of_most_is_told(check, now) -> None:
    products = [product(f"i{number}", price=Decimal(100 + number)) for number in range(8)]
    shown = [price(f"i{number}", f"{Decimal(100 + number) * Decimal('1.23'):f}", now) for number in range(7)]
    report = check(products, Seen([], [*shown, price("i7", "5", now)]))
    assert (report.drifted, report.ratio, report.ratio_items) == (8, 1.23, 7)


def test_bought_although_it_is_gone(check, now) -> None:
    gone = {"availability": "out_of_stock", "quantity": 0}
    products = [product("A", **gone), product("B", **gone), product("C", **gone), product("D")]
    seen = Seen(
        [
            ItemSeen("A", 5, 1, 2, now),
            ItemSeen("B", 5, 1, 2, now),
            ItemSeen("C", 9, 0, 0, now),
            ItemSeen("D", 1, 1, 1, now),
        ]
    )
    for feed in (META, GOOGLE, Feed(channel="skapiec")):
        report = check(products, seen, [("A", now, 0, 0), ("B", now, 0, now - 1)], feed=feed)
        assert [(each.item_id, each.kind, each.page_value) for each in report.items] == [("A", "sold", "2")]
        assert report.share is None


def test_the_list_is_bounded_and_the_sums_are_not(blobs, builder, shelf, now, tmp_path) -> None:
    shelf.put(*(product(f"i{number}") for number in range(30)))
    version = builder.build(shop(main=META), "main")
    seen = Seen([], [price(f"i{number}", "1", now, number + 1) for number in range(30)])
    report = DriftCheck(blobs, seen, Ages(tmp_path)).report(version, Quality(), "PLN", now, limit=4)
    assert [each.item_id for each in report.items] == ["i29", "i28", "i27", "i26"]
    assert report.drifted == 30
