"""`POST /v1/events`: batches from a shop's server, answered event by event."""

from __future__ import annotations

from typing import Any

import pytest

from rekindle.engines.database import Database
from rekindle.privacy.suppression import Suppression
from tests.collect.harness import CHROME, DENIED, KEY, Street
from tests.conftest import FakeClock


async def test_a_server_names_the_person_and_gets_counts(street: Street) -> None:
    event = street.event(event="purchase", source="offline", user={"email": "ada@example.com", "user_id": "u7"})
    answer = await street.api(event)
    assert answer.status == 200
    assert answer.json() == {"accepted": 1, "filtered": 0, "invalid": 0, "errors": [], "warnings": []}
    assert answer.header("set-cookie") is None
    (stored,) = await street.events()
    assert stored.subject == street.pseudonyms.subject("shop", "user_id", "u7")
    assert stored.user_subjects == [street.pseudonyms.subject("shop", "email", "ada@example.com")]
    assert not stored.bot


async def test_the_cookie_value_joins_a_server_event_to_the_browser(street: Street) -> None:
    await street.api(street.event(client={"client_id": "1.abc"}, user={"email": "ada@example.com"}))
    (stored,) = await street.events()
    assert stored.subject == street.pseudonyms.subject("shop", "cookie", "1.abc")


@pytest.mark.parametrize("headers", [{"x-api-key": KEY}, {"authorization": f"bearer {KEY}"}])
async def test_the_key_may_come_in_either_header(street: Street, headers: dict[str, str]) -> None:
    answer = await street.ask("POST", "/v1/events", street.event(user={"user_id": "u"}), headers)
    assert answer.status == 200


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"authorization": f"Basic {KEY}"}, {"x-api-key": "ż"}])
async def test_without_a_valid_key_nothing_is_read(street: Street, headers: dict[str, str]) -> None:
    answer = await street.ask("POST", "/v1/events", street.event(), headers)
    assert (answer.status, answer.json()["error"]) == (401, "bad-key")
    assert answer.header("www-authenticate") == "Bearer"
    assert await street.stored() == []


async def test_an_event_of_nobody_is_explained(street: Street) -> None:
    answer = await street.api([street.event(), street.event(user={"phone": "n/a"})])
    assert answer.status == 400
    errors = answer.json()["errors"]
    assert [error["index"] for error in errors] == [0, 1]
    assert all("user_id" in error["remedy"] for error in errors)
    assert await street.tallies() == {("invalid", "missing-field"): 2}


async def test_a_refusal_is_recorded_for_every_name_of_the_person(street: Street) -> None:
    answer = await street.api(street.event(consent=DENIED, user={"user_id": "u7", "email": "ada@example.com"}))
    assert answer.json()["filtered"] == 1
    subject = street.pseudonyms.subject
    assert {change.subject for change in await street.changes()} == {
        subject("shop", "user_id", "u7"),
        subject("shop", "email", "ada@example.com"),
    }


@pytest.mark.parametrize(
    ("consent", "reason", "detail"),
    [
        ({}, "consent-absent", ""),
        (DENIED, "consent-denied", "ad-storage-denied"),
        ({"tcf": "no consent string"}, "consent-unreadable", "malformed"),
    ],
)
async def test_an_event_that_is_not_kept_gets_its_reason(
    street: Street, consent: dict[str, str], reason: str, detail: str
) -> None:
    good = street.event(user={"user_id": "u7"})
    answer = await street.api([good, street.event(user={"email": "ada@example.com"}, consent=consent)])
    assert (answer.status, answer.json()["accepted"], answer.json()["filtered"]) == (200, 1, 1)
    (error,) = answer.json()["errors"]
    assert (error["index"], error["place"], error["reason"], error["outcome"]) == (1, "consent", reason, "filtered")
    assert "consent" in error["remedy"]
    assert detail in error["remedy"]
    assert b"ada@" not in answer.body


async def test_an_event_of_somebody_erased_gets_its_reason(
    street: Street, database: Database, clock: FakeClock
) -> None:
    subject = street.pseudonyms.subject("shop", "user_id", "u7")
    Suppression(database).add("shop", subject, "erasure", clock())
    answer = await street.api(street.event(user={"user_id": "u7"}))
    (error,) = answer.json()["errors"]
    assert (answer.json()["filtered"], error["place"], error["reason"], error["value"]) == (1, "user", "suppressed", "")
    assert await street.events() == []


async def test_web_events_of_a_server_without_a_user_agent_are_kept_with_a_warning(street: Street) -> None:
    user = {"user_id": "u7"}
    answer = await street.api(
        [
            street.event(user=user, event="purchase"),
            street.event(user=user, event="purchase", client={"user_agent": CHROME}),
            street.event(user=user, event="purchase", source="offline"),
            street.event(event="purchase"),
            street.event(user=user),
        ]
    )
    assert (answer.status, answer.json()["accepted"]) == (200, 4)
    (warning,) = answer.json()["warnings"]
    assert (warning["indexes"], warning["place"]) == ([0, 4], "client.user_agent")
    assert "User-Agent" in warning["remedy"]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"event": "two words"}, "event", '"two words"'),
    ({"event": 7}, "event", "7"),
    ({"event_id": ""}, "event_id", '""'),
    ({"event_id": "x" * 101}, "event_id", '"' + "x" * 39),
    ({"event_time": "yesterday"}, "event_time", "yesterday"),
    ({"event_time": "2026-09-01T11:59:00"}, "event_time", "2026-09-01T11:59:00"),
    ({"event_time": 1788000000}, "event_time", "1788000000"),
    ({"source": "fax"}, "source", '"fax"'),
    ({"user": {"email": 7}}, "user.email", ""),
    ({"user": ["ada@example.com"]}, "user", ""),
    ({"client": {"ip": "x" * 99}}, "client.ip", ""),
    ({"ecommerce": {"currency": "ZLOTY"}}, "ecommerce.currency", '"ZLOTY"'),
    ({"ecommerce": {"value": "NaN"}}, "ecommerce.value", "NaN"),
    ({"ecommerce": {"value": -1}}, "ecommerce.value", "-1"),
    ({"ecommerce": {"tax": "1e400"}}, "ecommerce.tax", "1E+400"),
    ({"ecommerce": {"items": [{}, {"quantity": -1}]}}, "ecommerce.items[1].quantity", "-1"),
    ({"ecommerce": {"items": [{}, {"quantity": 1.5}]}}, "ecommerce.items[1].quantity", "1.5"),
    ({"ecommerce": {"items": [{"price": "free"}]}}, "ecommerce.items[0].price", '"free"'),
    ({"ecommerce": {"items": [{"price": "Infinity"}]}}, "ecommerce.items[0].price", "Infinity"),
    ({"ecommerce": {"items": [{}] * 201}}, "ecommerce.items", ""),
]


@pytest.mark.parametrize(("change", "place", "value"), BAD)
async def test_an_error_names_place_value_and_remedy(
    street: Street, change: dict[str, Any], place: str, value: str
) -> None:
    good = street.event(user={"user_id": "u7"})
    answer = await street.api([good, street.event(user={"user_id": "u7"}) | change])
    assert answer.status == 200
    assert (answer.json()["accepted"], answer.json()["invalid"]) == (1, 1)
    (error,) = answer.json()["errors"]
    assert (error["index"], error["place"], error["value"]) == (1, place, value)
    assert len(error["remedy"]) > 10


async def test_a_missing_field_is_named(street: Street) -> None:
    event = street.event()
    del event["event_id"]
    (error,) = (await street.api(event)).json()["errors"]
    assert (error["place"], error["value"]) == ("event_id", "")


async def test_errors_never_repeat_personal_data(street: Street) -> None:
    events = [
        street.event(user={"email": ["ada@example.com"]}),
        street.event(user={"external": {"a": ["ada@example.com"]}}),
        street.event(page={"url": {"x": "ada@example.com"}}),
        street.event(client={"user_agent": "ada@example.com" * 100}),
        street.event(ecommerce={"search_term": ["ada@example.com"]}),
        street.event(ecommerce={"items": [{"item_name": {"x": "ada@example.com"}}]}),
        street.event(event="ada@example.com"),
        street.event(event_id=["ada@example.com"]),
        street.event(event_id="x" * 70 + " ada@example.com " + "x" * 40),
        street.event(event_time="for ada@example.com"),
        street.event(source="ada@example.com"),
        street.event(ecommerce={"items": [{"price": "2 for ada@example.com"}]}),
    ]
    answer = await street.api(events)
    assert answer.json()["invalid"] == len(events)
    assert b"ada@" not in answer.body


async def test_too_many_events_are_refused_as_a_whole(street: Street) -> None:
    answer = await street.api([street.event(user={"user_id": "u"})] * 1001)
    assert (answer.status, "at most 1000" in answer.json()["remedy"]) == (413, True)
    assert await street.events() == []
