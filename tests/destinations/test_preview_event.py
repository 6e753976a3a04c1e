"""The events that `rekindle destinations preview` reads: as the gateway would keep them, repaired where nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rekindle.destinations.preview import preview
from rekindle.destinations.preview_audience import preview_audience
from rekindle.model.clock import parse_rfc3339
from rekindle.model.discover import discover

NOW = parse_rfc3339("2026-09-01T12:00:00Z")
GRANTED = {
    "ad_storage": "granted", "analytics_storage": "granted", "ad_user_data": "granted",
    "ad_personalization": "granted",
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "meta": {"pixel_id": "1", "access_token": "t"},
    "tiktok": {"pixel_code": "C1", "access_token": "t"},
    "openai": {"pixel_id": "p", "api_key": "k"},
    "reddit": {"pixel_id": "a2_x", "access_token": "t"},
}


def event(**changes: Any) -> dict[str, Any]:
    return {
        "event": "purchase",
        "event_id": "e1",
        "event_time": "2026-09-01T11:59:00Z",
        "page": {"url": "https://shop.example/thanks"},
        "client": {"ip": "203.0.113.9", "user_agent": "Mozilla/5.0"},
        "user": {"email": "anna@example.com"},
        "ecommerce": {"value": 10, "currency": "PLN", "items": [{"item_id": "A1", "price": 10, "quantity": 1}]},
        "consent": GRANTED,
    } | changes


def sent(name: str, given: dict[str, Any]) -> tuple[str, dict[str, str], list[Any]]:
    found = preview(discover("rekindle.destinations")[name], CONFIGS[name], [given], NOW)
    return found.outcome, found.reasons, [json.loads(bytes(each.body)) for each in found.requests]


def told(name: str, given: dict[str, Any]) -> dict[str, Any]:
    outcome, reasons, bodies = sent(name, given)
    assert (outcome, reasons) == ("send", {})
    body = bodies[0].get("data") or bodies[0]["events"]
    one: dict[str, Any] = body["events"][0] if isinstance(body, dict) else body[0]
    return one


def test_click_ids_of_the_address_are_read_and_leave_it() -> None:
    page = {"url": "https://shop.example/?fbclid=AbC-1&ttclid=TT&oppref=op_1&utm_source=x"}
    meta = told("meta", event(page=page))
    assert meta["user_data"]["fbc"] == f"fb.1.{parse_rfc3339('2026-09-01T11:59:00Z')}.AbC-1"
    assert meta["event_source_url"] == "https://shop.example/?utm_source=x"
    assert told("tiktok", event(page=page))["user"]["ttclid"] == "TT"
    assert told("openai", event(page=page))["oppref"] == "op_1"
    kept = event(
        page=page, client={"user_agent": "M", "fbc": "fb.1.1788000000000.Kept"}, user={"external": {"oppref": "kept"}}
    )
    assert told("meta", kept)["user_data"]["fbc"] == "fb.1.1788000000000.Kept"
    assert told("openai", kept)["oppref"] == "kept"


def test_personal_data_is_cut_out_of_addresses_as_at_the_door() -> None:
    page = {"url": "https://shop.example/?email=ewa@example.com", "referrer": "https://mail.example/ewa@example.com"}
    shop = {"search_term": "ewa@example.com"}
    for name in CONFIGS:
        outcome, _, bodies = sent(name, event(event="search", page=page, ecommerce=shop))
        assert "ewa@" not in json.dumps(bodies), name
        assert outcome == ("reject" if name == "openai" else "send"), name


@pytest.mark.parametrize("group", ["ecommerce", "user", "client", "page", "ldu"])
def test_null_is_nothing(group: str) -> None:
    given = event(event="view_item")
    without = {name: part for name, part in given.items() if name != group}
    assert sent("meta", given | {group: None}) == sent("meta", without)


def test_nulls_inside_are_nothing() -> None:
    shop = {
        "value": None,
        "items": [{"item_id": "A1", "price": 5, "quantity": None, "coupon": None}],
        "currency": "PLN",
    }
    assert told("meta", event(ecommerce=shop))["custom_data"]["value"] == 5
    assert told("meta", event(event="view_item", ecommerce={"items": None})).get("custom_data") is None
    assert sent("meta", event(ecommerce={"items": [None]}))[1] == {"e1": "malformed"}


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        (None, "consent-absent"),
        ({}, "consent-absent"),
        ({"ad_storage": None}, "consent-absent"),
        (GRANTED | {"ad_storage": "yes"}, "consent-unreadable"),
        (GRANTED | {"gpc": "1"}, "consent-unreadable"),
        (GRANTED | {"tcf": 7}, "consent-unreadable"),
        ("granted", "consent-unreadable"),
        (True, "consent-unreadable"),
    ],
)
def test_consent_that_nobody_can_read_blocks(consent: Any, reason: str) -> None:
    assert sent("meta", event(consent=consent)) == ("blocked", {"e1": reason}, [])
    module: Any = discover("rekindle.destinations")["meta_custom_audience"]
    people = [{"email": "anna@example.com", "consent": consent}]
    found = preview_audience(module, {"audience_id": "1", "access_token": "t"}, "add", people, NOW)
    assert found.outcome == "blocked"
    assert not found.requests


@pytest.mark.parametrize("event_id", ["", "  ", None, "x" * 101, []])
def test_an_event_without_an_id_of_its_own_is_none(event_id: Any) -> None:
    outcome, reasons, _ = sent("meta", event(event_id=event_id))
    assert outcome == "reject"
    assert list(reasons.values()) == ["malformed"]


@pytest.mark.parametrize(("item_id", "expected"), [(12, "12"), (12.0, "12"), (1.5, "1.5"), (10**20, str(10**20))])
def test_numbers_are_ids_too(item_id: float, expected: str) -> None:
    shop = {"value": 1, "currency": "PLN", "items": [{"item_id": item_id}]}
    assert told("meta", event(ecommerce=shop))["custom_data"]["content_ids"] == [expected]


@pytest.mark.parametrize("currency", ["PLZ", "DEM", "HRK", "XYZ", "985", "zł"])
def test_money_that_is_no_tender_any_more_is_none(currency: str) -> None:
    shop = {"value": 10, "currency": currency, "items": [{"item_id": "A1"}]}
    assert sent("meta", event(ecommerce=shop))[1] == {"e1": "missing-field"}


def test_reddit_takes_what_is_less_than_168_hours_old() -> None:
    # "event_at timestamp must be less than 168h0m0s old"
    assert sent("reddit", event(event_time="2026-08-25T12:00:00Z"))[1] == {"e1": "window-passed"}
    assert sent("reddit", event(event_time="2026-08-25T12:00:01Z"))[0] == "send"
