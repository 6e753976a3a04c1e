"""What platforms say of the quality of what they get: asked once a day, read from each platform's words, kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations import meta
from rekindle.egress.account import Accounts
from rekindle.egress.asking import Asker
from rekindle.egress.connector import Answer, OutRequest
from rekindle.egress.http import MockTransport, TransportFailed
from rekindle.egress.quality import Quality, newest, readings
from rekindle.egress.rated import Rated, Score
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.secrets import SealedFileSecrets
from rekindle.model.discover import discover
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger
from rekindle.sandbox.platforms.simulated import call, simulated
from rekindle.workspace import Destination
from tests.conftest import FakeClock

_HOUR = 3_600_000
TOKEN = {"access_token": "t"}
MODULES: Any = discover("rekindle.destinations")
ACCOUNTS: dict[str, dict[str, Any]] = {
    "pinterest": {"ad_account_id": "1"},
    "criteo_audience": {"audience_id": "42"},
    "linkedin_audience": {"segment_id": "7"},
    "snapchat_audience": {"segment_id": "7"},
    "meta_custom_audience": {"audience_id": "9"},
}
EXPECTED: dict[str, list[Score]] = {
    "pinterest": [
        Score("event-quality", "WEB CONVERSIONS_API", 2.0, "of 3", "fair"),
        Score("email-coverage", "WEB CONVERSIONS_API checkout", 82.5, "percent"),
        Score("email-coverage", "WEB CONVERSIONS_API page_visit", 12, "percent"),
    ],
    "criteo_audience": [Score("matched", "", 130, "people"), Score("match-rate", "", 65.0, "percent")],
    "linkedin_audience": [
        Score("audience-size", "", 300, "people", "ready"),
        Score("matched", "", 40, "people"),
        Score("match-rate", "", 80.0, "percent"),
    ],
    "snapchat_audience": [Score("audience-size", "", 900, "people", "too few users")],
    "meta_custom_audience": [Score("audience-size", "", 1000, "people", "1000 to 1200. Normal")],
}


def rated(name: str) -> Any:
    if name == "google_ads_enhanced":
        account = MODULES[name].configure(
            {"customer_id": "1-2", "conversion_action": "3"}, TOKEN | {"developer_token": "d"}
        )
    elif name == "meta":
        account = meta.configure({"pixel_id": "1"}, TOKEN)
    else:
        account = MODULES[name].configure(ACCOUNTS[name], TOKEN)
    assert isinstance(account, Rated)
    return account


@pytest.mark.parametrize("name", ACCOUNTS)
def test_each_platform_is_asked_and_understood(name: str) -> None:
    account = rated(name)
    request = account.quality_request()
    assert request.event_ids == ()
    assert request.body == b""
    assert "access_token" not in request.url
    platform = simulated(name)
    assert platform is not None
    path = request.url.partition(".com")[2]
    assert account.read_quality(platform(call("GET", path, request.headers, b"", 0))) == EXPECTED[name]


def test_meta_tells_a_score_for_each_event() -> None:
    account = meta.configure({"pixel_id": "1"}, TOKEN | {"app_secret": "s"})
    assert "dataset_quality?dataset_id=1&" in account.quality_request().url
    assert "appsecret_proof" in account.quality_request().url
    body = {"web": [{"event_name": "Purchase", "event_match_quality": {"composite_score": 7.6},
                     "event_coverage": {"percentage": 80}}, {"event_name": "Search"}]}  # fmt: skip
    assert account.read_quality(Answer(200, {}, json.dumps(body).encode())) == [
        Score("event-match-quality", "Purchase", 7.6, "of 10"),
        Score("event-coverage", "Purchase", 80.0, "percent"),
    ]
    assert "denied" in str(account.read_quality(Answer(403, {}, b'{"error": {"message": "denied"}}')))


def test_google_tells_how_many_uploads_were_imported() -> None:
    account = rated("google_ads_enhanced")
    request = account.quality_request()
    assert request.url == "https://googleads.googleapis.com/v23/customers/12/googleAds:search"
    assert request.headers["developer-token"] == "d"
    platform = simulated("google_ads_enhanced")
    assert platform is not None
    path = request.url.partition(".com")[2]
    assert account.read_quality(platform(call("POST", path, request.headers, request.body, 0))) == [
        Score("uploads-imported", "GOOGLE_ADS_API", 94.0, "percent", "needs attention"),
        Score("uploads-pending", "GOOGLE_ADS_API", 5.0, "percent", "needs attention"),
    ]
    assert account.read_quality(platform(call("POST", path, request.headers, b'{"query": "SELECT 1"}', 0))) == (
        "HTTP 400: UNRECOGNIZED_FIELD"
    )
    assert account.read_quality(Answer(200, {}, b"{}")) == "no upload yet"


@pytest.mark.parametrize("name", [*ACCOUNTS, "meta", "google_ads_enhanced"])
@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["web", "data", "attributes", "destinations", "segments", "segment", "error", "status", "results",
                                 "offlineConversionUploadClientSummary", "totalEventCount",
                                 "numberOfIdentifiers", "quality_components", "event_name", "operation_status"]),
                inner, max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip
def test_no_answer_upsets_a_reader(name: str, status: int, body: bytes) -> None:
    found = rated(name).read_quality(Answer(status, {}, body))
    assert isinstance(found, str) or all(isinstance(each, Score) for each in found)


class House:
    def __init__(self, database: Database, folder: Path, clock: FakeClock) -> None:
        self.clock, self.database = clock, database
        self.score = 6.1
        self.instead: Callable[[OutRequest], Answer] | None = None
        self.transport = MockTransport(self._answer)
        settings = {"pixel_id": "1", "access_token": {"secret": "meta_token"}}
        document = Destination(kind="meta", consent=meta.manifest.consent, settings=settings)
        accounts = Accounts({"meta": meta}, lambda _workspace, _name: "good", lambda _workspace, _name: document)
        keyring = Keyring(SealedFileSecrets(folder / "secrets.json", bytes(32)))
        door = Door(self.transport, Ledger(database, keyring, clock), clock)
        self.reader = Asker(database, door, accounts, clock, [Quality(database, clock, lambda: [("shop", "meta")])])

    def _answer(self, request: OutRequest) -> Answer:
        if self.instead is not None:
            return self.instead(request)
        web = [{"event_name": "Purchase", "event_match_quality": {"composite_score": self.score}}]
        return Answer(200, {}, json.dumps({"web": web}).encode())

    async def wait(self, hours: int) -> None:
        for _ in range(hours):
            self.clock.advance(_HOUR)
            await self.reader.step()


async def test_once_a_day_and_kept(database: Database, tmp_path: Path, clock: FakeClock) -> None:
    house = House(database, tmp_path, clock)
    await house.wait(24)
    asked = len(house.transport.requests)
    assert asked in (1, 2), "a day of the calendar, whenever it began"
    house.score = 7.4
    await house.wait(24)
    assert len(house.transport.requests) == asked + 1
    found = readings(database, "shop", "meta")
    now, earlier = newest(found)[0]
    assert (now.measure, now.scope, now.value, now.unit) == ("event-match-quality", "Purchase", 7.4, "of 10")
    assert {each.value for each in earlier} == {6.1}
    assert readings(database, "other") == []


async def test_what_cannot_be_read_is_said_and_asked_again(
    database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    house = House(database, tmp_path, clock)

    def down(request: OutRequest) -> Answer:
        raise TransportFailed("reset")

    house.instead = down
    await house.wait(1)
    assert [(each.measure, each.words) for each in readings(database, "shop")] == [("unread", "no answer: reset")]
    await house.wait(4)
    assert len(house.transport.requests) == 1, "not every hour"
    house.instead = None
    await house.wait(3)
    assert {each.measure for each in readings(database, "shop")} == {"event-match-quality"}
