"""State as metrics: the sums, the lanes, the lag; names and numbers only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

import rekindle.audiences._tables
import rekindle.egress._tables
import rekindle.feeds._tables  # noqa: F401 - the tables that the metrics read
from rekindle.engines.database import Database
from rekindle.engines.log import ConsumerLag
from rekindle.feeds import deliveries
from rekindle.feeds.quality import DriftReport, FreshnessReport, IdReport, Spread, Stage, reports
from rekindle.feeds.turns import Turn
from rekindle.model.clock import rfc3339
from rekindle.model.event import Consent, Ecommerce, Page
from rekindle.model.names import PLAIN
from rekindle.model.record import Stored, Tally
from rekindle.ops.metrics import StateMetrics
from rekindle.privacy.subjects import Requests
from rekindle.profiles import ProfileView
from rekindle.workspace import Delivery, Destination, DestinationConsent, Feed, Shop, Workspace
from tests.conftest import FakeClock
from tests.memory_log import MemoryLog

SHOP = Workspace(
    shop=Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN"),
    feeds={
        "google": Feed(
            channel="google_merchant",
            delivery=[Delivery(name="partner", kind="webhook", location="https://partner.example/hook")],
        )
    },
    destinations={
        "meta": Destination(
            kind="meta",
            consent=DestinationConsent(consent_mode=["ad_storage"]),
            settings={"secret_expires": "2100-01-01"},
        )
    },
)


def view(number: int, now_ms: int) -> Stored:
    return Stored(
        "shop", f"e{number}", "view_item", now_ms, now_ms, "web", "s1_visitor", Page(), Ecommerce(), Consent()
    )  # fmt: skip


async def test_the_sums_are_metrics(database: Database, clock: FakeClock) -> None:
    log = MemoryLog()
    log.put(*(view(number, clock()) for number in range(3)), Tally("shop", clock(), "filtered", "consent-denied", 2))
    await ProfileView(log, database, clock).step()
    registry = CollectorRegistry()
    lag = [ConsumerLag("profiles", 7, 1500)]
    registry.register(StateMetrics(database, lambda: {"shop": SHOP}, lambda: lag, clock))
    page = generate_latest(registry).decode()
    assert 'rekindle_events{outcome="accepted",reason="ok",workspace="shop"} 3.0' in page
    assert 'rekindle_events{outcome="filtered",reason="consent-denied",workspace="shop"} 2.0' in page
    assert 'rekindle_log_lag_records{consumer="profiles"} 7.0' in page
    assert 'rekindle_log_lag_seconds{consumer="profiles"} 1.5' in page
    assert 'rekindle_feed_items{feed="google",workspace="shop"} 0.0' in page
    assert 'rekindle_credential_expires_seconds{destination="meta",kind="told",workspace="shop"} ' in page
    assert "s1_visitor" not in page
    assert rfc3339(clock()) not in page


def test_deliveries_that_are_owed_are_metrics(database: Database, clock: FakeClock) -> None:
    registry = CollectorRegistry()
    registry.register(StateMetrics(database, lambda: {"shop": SHOP}, list, clock))
    of = {"workspace": "shop", "feed": "google", "delivery": "partner"}

    def shown() -> list[float | None]:
        names = ("stopped", "late", "owed_seconds")
        return [registry.get_sample_value(f"rekindle_feed_delivery_{name}", of) for name in names]

    assert shown() == [0, 0, 0]
    with database.begin() as connection:
        deliveries.write(connection, "shop", "google", "partner", Turn(status="stopped", since_ms=clock()))
    clock.now_ms += 3 * 3_600_000
    assert shown() == [1, 1, 10_800]


def test_quality_of_feeds_is_metrics(database: Database, clock: FakeClock) -> None:
    hour = Spread(60_000, 120_000, 3_600_000)
    stage = Stage("pull", 3, 1, hour, Spread(0, 0, 0), 7)
    with database.begin() as connection:
        fresh = FreshnessReport("google", 3, 1, 10, 0, [stage])
        reports.keep(connection, "shop", "freshness", fresh, clock())
        reports.keep(connection, "shop", "drift", DriftReport("google", 3, 0, 4, 1, 0.25, {}, None, 0, []), clock())
        reports.keep(connection, "shop", "ids", IdReport("google", 3, 0, 0, 0, 0, 0, None, {}, [], None), clock())
        reports.keep(connection, "shop", "freshness", FreshnessReport("gone", 3, 1, 10, 0, [stage]), clock())
    registry = CollectorRegistry()
    registry.register(StateMetrics(database, lambda: {"shop": SHOP}, list, clock))
    of = {"workspace": "shop", "feed": "google"}
    age = of | {"stage": "pull", "value": "price", "statistic": "oldest"}
    assert registry.get_sample_value("rekindle_feed_drift_share", of) == 0.25
    assert registry.get_sample_value("rekindle_feed_id_match_share", of) is None, "nothing was seen"
    assert registry.get_sample_value("rekindle_feed_late_items", of | {"stage": "pull"}) == 7
    assert registry.get_sample_value("rekindle_feed_value_age_seconds", age) == 3600
    assert 'feed="gone"' not in generate_latest(registry).decode()


async def test_deadlines_of_requests_are_metrics(database: Database, clock: FakeClock) -> None:
    requests = Requests(database, clock, "shop", PLAIN)
    first = requests.begin("erase", "ccpa", ["s1_someone"])
    clock.now_ms += 10 * 86_400_000
    requests.begin("export", "ccpa", ["s1_other"])
    requests.move(requests.begin("export", "gdpr", ["s1_third"]).id, "done")
    registry = CollectorRegistry()
    registry.register(StateMetrics(database, lambda: {"shop": SHOP}, list, clock))
    of = {"workspace": "shop", "law": "ccpa"}
    assert registry.get_sample_value("rekindle_subject_requests", of) == 2
    left = (first.due_ms - clock()) / 1000
    assert registry.get_sample_value("rekindle_subject_request_due_seconds", of) == left
    page = generate_latest(registry).decode()
    assert 'law="gdpr"' not in page, "an answered request is due no more"
    assert "s1_" not in page
