"""Every source behind an account keeps the same promises; simulated shop systems hold it to them, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from rekindle.catalog.account import Scope
from rekindle.catalog.accounts import module_of, take_apart
from rekindle.catalog.walker import MOST_FAILURES
from rekindle.egress.connector import Answer, SettingsError
from rekindle.engines.database import Database
from rekindle.model.discover import discover
from tests.catalog.shops.akeneo import Akeneo
from tests.catalog.shops.base import Shop
from tests.catalog.shops.baselinker import BaseLinker
from tests.catalog.shops.bigcommerce import BigCommerce
from tests.catalog.shops.magento import Magento
from tests.catalog.shops.prestashop import PrestaShop
from tests.catalog.shops.shoper import Shoper
from tests.catalog.shops.shopify import Shopify
from tests.catalog.shops.woocommerce import WooCommerce
from tests.catalog.shops.world import Stopped, World, world
from tests.conftest import FakeClock

SHOPS: list[type[Shop]] = [Shopify, WooCommerce, BigCommerce, BaseLinker, Magento, Shoper, PrestaShop, Akeneo]

Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path, database: Database, clock: FakeClock) -> Make:
    return lambda kind, products=130, **options: world(tmp_path, database, kind, clock, products, **options)


every = pytest.mark.parametrize("kind", SHOPS, ids=lambda kind: kind.kind)


def test_every_account_is_held_to_it() -> None:
    accounts = {name for name in discover("rekindle.catalog.sources") if module_of(name) is not None}
    assert accounts == {shop.kind for shop in SHOPS}


@every
async def test_a_whole_walk_is_the_catalogue(make: Make, kind: type[Shop]) -> None:
    w = make(kind)
    w.shop.put(900, ("12.00", 4), published=False)
    result = await w.run()
    assert (result.status, result.message, result.errors) == ("live", "", 0)
    assert w.told() == w.shop.expected()
    row = next(iter(w.items().values()))
    assert row["currency"] == "PLN"
    assert row["link"].startswith("https://")
    assert row["image_link"].startswith("https://")
    assert row["title"].startswith("Product")
    assert row["origin"]
    assert sum(bool(row["group_id"]) for row in w.items().values()) >= 3 * 26
    again = await w.run()
    assert again.status == "unchanged"
    assert not list((w.folder / "walks").rglob("*.jsonl")), "the file of a walk goes when it was imported"


@every
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_a_walk_that_was_cut_off_goes_on_where_it_was(make: Make, kind: type[Shop], at: int) -> None:
    w = make(kind)
    await w.run()
    straight = len(w.shop.requests)
    w.shop.fill(60, first=500)
    w.shop.requests.clear()
    w.dies_at = at
    with pytest.raises(Stopped):
        await w.run()
    assert len(w.items()) == 182, "half a walk changes nothing"
    result = await w.run()
    assert result.status == "live"
    assert w.told() == w.shop.expected()
    whole = len(w.shop.requests)
    assert whole <= straight + 60, "what was read is not read again"
    w.shop.requests.clear()
    await w.run()
    assert whole <= len(w.shop.requests) + 1


@every
async def test_steps_of_the_scheduler_share_out_a_long_walk(make: Make, kind: type[Shop]) -> None:
    w = make(kind)
    states = []
    for _ in range(2000):
        states.append((await w.importer().run(w.source, until_ms=w.clock() + 10)).status)
        if states[-1] != "walking":
            break
        w.clock.advance(50)
    assert states[-1] == "live"
    assert len(states) > 2
    assert w.told() == w.shop.expected()
    assert [run.status for run in w.runs.latest("shop")] == ["live"]


@every
async def test_over_the_quota_it_waits_as_long_as_it_is_told(make: Make, kind: type[Shop]) -> None:
    w = make(kind)
    w.shop.faults = [lambda _: None, *[lambda _: w.shop.throttled()] * (MOST_FAILURES + 2)]
    assert (await w.run()).status == "live"
    assert len([seconds for seconds in w.slept if seconds >= 6.9]) == MOST_FAILURES + 2
    assert w.told() == w.shop.expected()


@every
async def test_faults_that_pass_are_tried_again(make: Make, kind: type[Shop]) -> None:
    w = make(kind)
    broken = [
        Answer(500, {}, b"oops"),
        Answer(0),
        Answer(502, {}, b"<html>bad gateway</html>"),
        Answer(200, {}, b"<!doctype html><title>Just a moment</title>"),
        Answer(200, {}, b'[{"id": 1, "na'),
    ]
    w.shop.faults = [partial(_given, answer) for answer in (broken[-2], *broken)]
    assert (await w.run()).status == "live"
    assert w.told() == w.shop.expected()


@every
async def test_a_shop_that_is_down_is_left_alone_and_nothing_is_lost(make: Make, kind: type[Shop]) -> None:
    w = make(kind)
    await w.run()
    before = w.told()
    w.shop.remove(1)
    w.shop.faults = [lambda _: None] + [lambda _: Answer(503)] * MOST_FAILURES
    result = await w.run()
    assert (result.status, result.reason) == ("failed", "unreachable")
    assert w.told() == before
    assert await w.importer().step() == 0, "not before its time"
    w.clock.advance(300_000)
    assert await w.importer().step() == 1
    assert w.told() == w.shop.expected()


@every
async def test_refused_credentials_are_said_and_the_catalogue_stays(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 5)
    await w.run()
    w.shop.locked = True
    result = await w.run()
    assert (result.status, result.reason) == ("refused", "denied")
    assert not any(secret in str(msgspec.to_builtins(result)) for secret in w.shop.secrets.values())
    assert w.told() == w.shop.expected()
    w.shop.locked = False
    w.clock.advance(900_000)
    assert await w.importer().step() == 1
    assert (await w.run()).status == "unchanged"


@every
async def test_products_that_come_and_go_meanwhile_cost_no_other_product(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 260)

    def trade(product: int) -> None:
        w.shop.remove(product)
        w.shop.put(900 + product, ("5.00", 1))

    for at in (3, 4, 5, 7, 9, 30, 40):
        w.shop.after[at] = partial(trade, at)
    assert (await w.run()).status == "live"
    told = set(w.told())
    w.shop.goods = {key: goods for key, goods in w.shop.goods.items() if key < 900}
    assert not set(w.shop.expected()) - told
    w.shop.after.clear()
    await w.run()
    assert w.told() == w.shop.expected()


@every
async def test_an_empty_shop_takes_nothing_away(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 4)
    await w.run()
    before = w.told()
    w.shop.goods.clear()
    assert (await w.run()).status in ("held", "refused")
    assert w.told() == before


@every
async def test_what_changed_is_read_without_a_whole_walk(make: Make, kind: type[Shop]) -> None:
    module = module_of(kind.kind)
    assert module is not None
    if not module.manifest.since:
        pytest.skip(f"{kind.kind} cannot be asked for what changed")
    w = make(kind, changes_every="5m")
    await w.run()
    assert await w.refresh() == 0
    w.clock.advance(600_000)
    for product in (3, 5, 10):
        w.shop.put(product, *[("77.00", 0)] * len(w.shop.goods[product].variants))
    w.shop.put(400, ("8.00", 2))
    before = len(w.shop.requests)
    assert await w.refresh() == 1
    assert len(w.shop.requests) - before < 20
    assert w.told() == w.shop.expected()
    assert await w.refresh() == 0
    digest = _digest(w)
    await w.run()
    assert _digest(w) == digest, "what was read in part is what a whole walk reads"


@every
async def test_cursors_are_small_and_requests_go_nowhere_else(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 260)
    await w.run()
    _, account = w.accounts().configured(w.source)
    cursor = account.begin(Scope())
    assert msgspec.json.decode(msgspec.json.encode(cursor), type=type(cursor)) == cursor
    for request in w.shop.requests:
        assert any(f"//{host}/" in request.url for host in account.hosts)
        assert not any(secret in request.url for secret in w.shop.secrets.values())


@every
def test_settings_are_checked_with_place_and_remedy(kind: type[Shop]) -> None:
    module = module_of(kind.kind)
    assert module is not None
    given = {**kind.options, **{name: {"secret": name} for name in kind.secrets}}
    settings, names = take_apart(module.manifest, given)
    assert settings == kind.options
    assert set(names) == set(kind.secrets)
    with pytest.raises(SettingsError, match="unknown option 'tokn'"):
        take_apart(module.manifest, {**given, "tokn": 1})
    for name in kind.secrets:
        with pytest.raises(SettingsError, match="never written here"):
            take_apart(module.manifest, {**given, name: "plain text"})
    for setting in module.manifest.settings:
        if setting.required:
            with pytest.raises(SettingsError, match=f"{setting.name} is missing"):
                take_apart(module.manifest, {k: v for k, v in given.items() if k != setting.name})


@every
async def test_a_webhook_changes_the_live_item_and_reads_nothing_else(make: Make, kind: type[Shop]) -> None:
    w = make(kind)
    await w.run()
    w.clock.advance(60_000)
    w.shop.put(7, ("1234.00", 0))
    assert (await w.hook(*w.shop.hook(7))).status == 204
    before = len(w.shop.requests)
    assert await w.refresh() == 1
    assert len(w.shop.requests) - before <= 8
    assert w.told() == w.shop.expected()
    (run, *_) = w.runs.latest("shop")
    assert run.partial
    assert run.changes is not None
    assert (run.changes.added, run.changes.changed, run.changes.removed) == (0, 1, 0)
    assert await w.refresh() == 0
    digest = _digest(w)
    assert (await w.run()).status == "live"
    assert _digest(w) == digest


@every
async def test_only_signed_webhooks_are_taken_and_again_is_harmless(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 12)
    await w.run()
    headers, body = w.shop.hook(7)
    assert (await w.hook({}, body)).status == 401
    assert (await w.hook(headers, body + b" ")).status == 401
    assert (await w.hook(headers, body, "/hooks/shop/other")).status == 404
    assert await w.refresh() == 0
    for _ in range(5):
        assert (await w.hook(headers, body)).status == 204
    before = len(w.shop.requests)
    assert await w.refresh() == 1
    assert len(w.shop.requests) - before <= 8, "five of the same are one"
    assert w.told() == w.shop.expected()


@every
async def test_what_is_gone_is_out_of_stock_until_a_whole_walk_removes_it(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 12)
    await w.run()
    hook = w.shop.hook(7)
    w.shop.remove(7)
    w.shop.put(6, ("6.00", 3), published=False)
    w.shop.put(5, ("5.00", 1), ("5.50", 1))
    for headers, body in (hook, w.shop.hook(7), w.shop.hook(6), w.shop.hook(5)):
        assert (await w.hook(headers, body)).status == 204
    await w.refresh()
    told = w.told()
    gone = set(told) - set(w.shop.expected())
    assert len(gone) == 3  # the product, the unpublished one, a variant less
    assert {told[key][1] for key in gone} == {"out_of_stock"}
    assert {key: told[key] for key in w.shop.expected()} == w.shop.expected()
    await w.run()
    assert w.told() == w.shop.expected()


@every
@pytest.mark.parametrize("slices", [1, 2])
async def test_a_change_during_a_walk_wins_over_what_the_walk_saw_before(
    make: Make, kind: type[Shop], slices: int
) -> None:
    w = make(kind, 12)
    await w.run()
    w.shop.put(50, ("50.00", 1))
    w.clock.advance(1000)
    for number in range(1000):
        if number == slices:
            w.shop.put(1, ("99.00", 1))
            await w.hook(*w.shop.hook(1))
            assert await w.refresh() == 1
            assert w.told()[_id(w, 1)] == ("99.00", "in_stock")
        if (await w.importer().run(w.source, until_ms=w.clock() + 10)).status != "walking":
            break
        w.clock.advance(1000)
    assert number > slices
    await w.refresh()
    assert w.told() == w.shop.expected()


@every
async def test_a_webhook_waits_while_the_shop_is_down(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 12)
    await w.run()
    w.shop.put(7, ("70.00", 1))
    await w.hook(*w.shop.hook(7))
    w.shop.faults = [lambda _: Answer(500)] * MOST_FAILURES
    await w.refresh()
    assert w.told()[_id(w, 7)][0] == "7.50"
    assert await w.refresh() == 0
    w.clock.advance(5_000)
    assert await w.refresh() == 1
    assert w.told() == w.shop.expected()


@every
async def test_ages_tell_when_price_and_stock_were_seen_and_changed(make: Make, kind: type[Shop]) -> None:
    w = make(kind, 12)
    start = w.clock()
    await w.run()
    w.clock.advance(100_000)
    w.shop.put(7, ("7.50", 0))  # was 1 in stock, the price stays
    await w.hook(*w.shop.hook(7))
    noticed = w.clock()
    await w.refresh()
    (changed,) = w.ages.of("shop", _id(w, 7))
    (other,) = w.ages.of("shop", _id(w, 8))
    assert changed.stock_ms >= noticed
    assert changed.seen_ms >= noticed
    assert start <= changed.price_ms < start + 100_000
    assert start <= other.seen_ms < start + 100_000
    assert other.changed_ms == other.price_ms == other.stock_ms
    w.clock.advance(100_000)
    await w.run()
    (seen,) = w.ages.of("shop", _id(w, 8))
    assert seen.seen_ms >= start + 200_000
    assert seen.changed_ms == other.changed_ms


def _given(answer: Answer, _request: object) -> Answer:
    return answer


def _id(w: World, product: int) -> str:
    goods = w.shop.goods[product]
    return w.shop.item_id(goods, goods.variants[0])


def _digest(w: World) -> str:
    snapshot = w.snapshots.current("shop")
    assert snapshot is not None
    return snapshot.digest
