"""Simulated platforms refuse what the real ones refuse, in their words; the connectors understand them."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from rekindle.destinations.preview import preview
from rekindle.egress.connector import Answer
from rekindle.model.discover import discover
from rekindle.sandbox.platforms.simulated import Call, SimulatedServer, call, simulated
from tests.conftest import FakeClock
from tests.destinations.test_conformance_bad_input import AUDIENCES, NOW, STRICT, config, purchase

MODULES: Any = discover("rekindle.destinations")
GROUP = ["amazon", "criteo", "google_ads_enhanced", "google_data_manager", "microsoft_uet", "tiktok"]


def sent(name: str, *events: dict[str, Any]) -> list[Call]:
    found = preview(MODULES[name], config(name), list(events or [purchase()]), NOW)
    return [call(each.method, each.url, each.headers, bytes(each.body), NOW) for each in found.requests]


def answered(name: str, change: Callable[[Any], None]) -> tuple[Answer, Any]:
    """What the platform says to a good purchase with one thing changed."""
    platform = simulated(name)
    assert platform is not None
    (good,) = sent(name)
    change(good.body)
    answer = platform(good)
    return answer, MODULES[name].classify(answer, 1)


@pytest.mark.parametrize("name", GROUP)
def test_a_good_purchase_is_taken(name: str):
    _, verdict = answered(name, lambda _body: None)
    assert verdict.per_event[0] in ("delivered", "accepted")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("amazon", lambda body: body["events"][0]["matchKeys"][0].update(values=["anna@example.com"])),
        ("amazon", lambda body: body["events"][0].update(countryCode="Poland")),
        ("criteo", lambda body: body.update(id={})),
        ("criteo", lambda body: body["events"][0].pop("item")),
        ("google_ads_enhanced", lambda body: body["conversionAdjustments"][0].pop("orderId")),
        ("google_ads_enhanced", lambda body: body["conversionAdjustments"][0].update(userIdentifiers=[])),
        ("google_data_manager", lambda body: body["events"][0].update(eventTimestamp="yesterday")),
        ("google_data_manager", lambda body: body["events"][0].pop("currency")),
        ("google_data_manager", lambda body: body.pop("encoding")),
        ("microsoft_uet", lambda body: body["data"][0].pop("adStorageConsent")),
        ("microsoft_uet", lambda body: body["data"][0]["userData"].update(em="anna@example.com")),
        ("tiktok", lambda body: body["data"][0]["user"].update(email="anna@example.com")),
        ("tiktok", lambda body: body["data"][0].update(event_time=1)),
        ("tiktok", lambda body: body["data"][0]["properties"].update(value="14")),
    ],
)
def test_what_the_real_one_refuses_is_refused_for_good(name: str, change: Callable[[Any], None]):
    answer, verdict = answered(name, change)
    assert verdict.per_event == ("permanent",), answer
    assert "anna@example.com" not in verdict.words


@pytest.mark.parametrize("name", ["amazon", "google_ads_enhanced", "google_data_manager", "microsoft_uet", "tiktok"])
def test_a_dead_token_holds(name: str):
    platform = simulated(name)
    assert platform is not None
    (good,) = sent(name)
    headers = {key: value for key, value in good.headers.items() if key not in ("authorization", "access-token")}
    answer = platform(Call(good.method, good.path, good.query, headers, good.body, NOW))
    verdict = MODULES[name].classify(answer, 1)
    assert (verdict.per_event, verdict.credential_action is not None) == (("hold",), True)


@pytest.mark.parametrize("name", GROUP)
def test_one_bad_event_of_three_is_found(name: str):
    """Where the platform names it, at once; else the batch is parted."""
    platform = simulated(name)
    assert platform is not None
    calls = sent(name, *(purchase(event_id=f"e{number}") for number in range(3)))
    assert len(calls) == 1
    rows = next(calls[0].body[key] for key in ("events", "data", "conversionAdjustments") if key in calls[0].body)
    rows[1].clear()
    verdict = MODULES[name].classify(platform(calls[0]), 3)
    named = ("delivered", "permanent", "delivered"), ("split", "permanent", "split"), ("split", "split", "split")
    assert verdict.per_event in named


def test_ga4_takes_everything_and_only_its_validation_server_tells():
    platform = simulated("ga4")
    assert platform is not None
    settings = config("ga4")
    for validate in (False, True):
        found = preview(MODULES["ga4"], settings | {"validate_only": validate}, [purchase()], NOW)
        (each,) = found.requests
        body = json.loads(bytes(each.body))
        body["events"][0]["name"] = "2nd"
        answer = platform(call(each.method, each.url, each.headers, json.dumps(body).encode(), NOW))
        assert MODULES["ga4"].classify(answer, 1).per_event == (("permanent",) if validate else ("accepted",))


def test_every_platform_of_a_destination_with_rules_is_found():
    assert all(simulated(name) for name in GROUP)
    assert simulated("nobody") is None
    assert set(AUDIENCES) | set(STRICT) >= set(GROUP)


async def test_a_platform_is_served_with_faults(clock: FakeClock):
    platform = simulated("tiktok")
    assert platform is not None
    server = SimulatedServer(platform, clock)
    server.fail, server.throttle, server.garbage = 1, 1, 1
    async with server.serve() as base, aiohttp.ClientSession() as session:
        statuses = []
        for _ in range(4):
            async with session.post(f"{base}/open_api/v1.3/event/track/", json={}) as response:
                statuses.append(response.status)
    assert statuses == [502, 500, 429, 200]
    assert (server.calls, len(server.refused)) == (4, 3)
