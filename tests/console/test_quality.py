"""The quality pages: what is compared, the rule that mends ids and becomes a version, exports, alarms."""

from __future__ import annotations

import asyncio
import csv
import io
import re

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.console.alarms import quality_alarms
from rekindle.console.quality import rules_of
from rekindle.feeds.quality import Reports, newest
from rekindle.workspace import Feed, FeedRule, Quality
from tests.console.conftest import HOSTILE, House, form_token, login
from tests.console.filled import fill

Browser = TestClient[Litestar]
HOUR = 3_600_000


@pytest.fixture
def filled(house: House) -> House:
    asyncio.run(fill(house))
    return house


def test_the_pages_and_exports_of_a_filled_shop(filled: House, ola: Browser) -> None:
    """One shop for all that only reads: filling it costs more than all of these together."""
    every_feed(ola)
    one_feed(ola)
    for path, least, column in EXPORTS:
        exported(ola, path, least, column)
    for path in ("/w/shop/quality", "/w/shop/quality/google"):
        text = ola.get(path).text
        assert HOSTILE not in text
        assert "<script>alert" not in text
    alarmed(filled, ola)


def every_feed(ola: Browser) -> None:
    text = ola.get("/w/shop/quality").text
    assert 'href="/w/shop/quality/google"' in text
    assert "missing-required" in text or "code=" in text
    api = ola.get("/api/w/shop/quality").json()
    google = next(each for each in api["feeds"] if each["feed"] == "google")
    assert len(google["days"]) == 4
    assert google["reports"]["ids"]["fix"]["rule"] == {"do": "template", "attribute": "id", "value": "gla_{id}"}
    assert google["reports"]["drift"]["share"] == 1.0
    assert [stage["name"] for stage in google["reports"]["freshness"]["stages"]] == ["source", "published", "pull"]
    severities = [each["finding"]["severity"] for each in api["findings"]]
    assert severities == sorted(severities, key=["block", "limit", "warning"].index)


def one_feed(ola: Browser) -> None:
    text = ola.get("/w/shop/quality/google").text
    for words in ("gla_sku-7", "Apply this rule", "PLN\u00a049.90", "PLN\u00a0199.00", "fetched by readers", "By day"):
        assert words in text, words
    assert ola.get("/w/shop/quality/nope").status_code == 404
    assert ola.get("/api/w/shop/quality/google").json()["quality"]["feed"] == "google"


def test_the_proposed_rule_becomes_a_version_that_is_what_was_shown(filled: House, browser: Browser) -> None:
    login(browser, "ewa")
    page = browser.get("/w/shop/quality/google").text
    assert "gla_sku-7" in page
    assert "Apply this rule" not in page, "an analyst may not publish"
    refused = browser.post("/w/shop/quality/google/fix", data={"form_token": form_token(page), "digest": "x"})
    assert refused.status_code == 403
    browser.cookies.clear()
    login(browser, "ola")
    ola = browser
    live = filled.versions.live()["shop"]
    filled.shops["shop"] = live
    page = ola.get("/w/shop/quality/google").text
    digest = re.search(r'name="digest" value="([0-9a-f]+)"', page)
    assert digest is not None
    given = {"form_token": form_token(page), "digest": digest[1]}
    stale = ola.post("/w/shop/quality/google/fix", data=given | {"digest": "0" * 16})
    assert stale.status_code == 409
    assert filled.versions.live()["shop"] == live, "nothing was changed"
    answer = ola.post("/w/shop/quality/google/fix", data=given)
    assert answer.status_code == 303
    now = filled.versions.live()["shop"]
    rule = FeedRule(do="template", attribute="id", value="gla_{id}")
    assert now.feeds["google"].rule == [*live.feeds["google"].rule, rule]
    assert now == msgspec.structs.replace(live, feeds={**live.feeds, "google": now.feeds["google"]}), "and nothing else"
    filled.shops["shop"] = now
    after = ola.get(answer.headers["location"]).text
    assert "Apply this rule" not in after, "it is not proposed twice"
    assert "has the rule" in after


EXPORTS = [
    ("google/ids.csv", 10, "item_id"), ("google/drift.csv", 32, "item_id"), ("google/ages.csv", 40, "item_id"),
    ("google/issues.csv", 2, "item_id"), ("findings.csv", 2, "feed"),
]  # fmt: skip


def exported(ola: Browser, path: str, least: int, column: str) -> None:
    answer = ola.get(f"/w/shop/quality/{path}")
    assert answer.status_code == 200, path
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) >= least, path
    assert all(row[column] for row in rows)
    assert ola.get(f"/w/other/quality/{path}").status_code in (403, 404)


def test_what_is_not_there_is_not_exported(house: House, ola: Browser) -> None:
    for path in ("google/ids.csv", "google/drift.csv", "google/ages.csv", "nope/issues.csv", "nope/ids.csv"):
        assert ola.get(f"/w/shop/quality/{path}").status_code == 404, path


def alarmed(filled: House, ola: Browser) -> None:
    shop = filled.shops["shop"]
    made = newest(filled.database, "shop")
    found = {(each.code, each.about): each for each in quality_alarms(shop, made)}
    assert found["feed-drift", "google"].figure == 1.0
    assert ("feed-stale", "google") not in found, "two hours are within a day"
    strict = msgspec.structs.replace(shop.feeds["google"], fresh_within="1h")
    calm = msgspec.structs.replace(
        shop, feeds={**shop.feeds, "google": strict}, quality=Quality(max_drift=1.0)
    )  # fmt: skip
    filled.desk.refresh(calm, "google")
    found = {(each.code, each.about): each for each in quality_alarms(calm, newest(filled.database, "shop"))}
    assert ("feed-drift", "google") not in found
    assert found["feed-stale", "google"].figure >= HOUR
    assert "are not what pages show" in ola.get("/w/shop/").text
    assert quality_alarms(shop, {"gone": Reports()}) == []


def test_rules_that_made_an_attribute_are_named() -> None:
    feed = Feed(
        channel="meta",
        rule=[
            FeedRule(do="set", attribute="brand", value="x"), FeedRule(do="exclude", when="brand = 'y'"),
            FeedRule(do="market", value="de"), FeedRule(do="market", value="de", names=["title"]),
        ],
    )  # fmt: skip
    assert rules_of(feed, "brand") == [1, 3]
    assert rules_of(feed, "title") == [3, 4]
