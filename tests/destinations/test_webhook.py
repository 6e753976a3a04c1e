"""The signed webhook."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from rekindle.destinations import webhook
from rekindle.egress.connector import Answer, OutRequest, SettingsError
from rekindle.model.event import Ecommerce, Event, Item, User

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = 1_788_000_000_000


def account(**settings: Any) -> Any:
    return webhook.configure({"url": "https://shop.example/hook", **settings}, {"secret": SECRET})


def event(name: str = "e1") -> Any:
    return Event("purchase", name, "2026-08-29T10:00:00Z", ecommerce=Ecommerce(items=[Item(item_id="A", price=None)]))


def signed_now(found: OutRequest, secret: str) -> str:
    """The library verifies against the machine's clock; the signature itself is what is compared here."""
    moment = datetime.fromtimestamp(NOW // 1000, UTC)
    return Webhook(secret).sign(found.headers["webhook-id"], moment, found.body.decode())


def test_one_event_is_one_signed_message_named_by_its_event_id():
    hook = account()
    found = hook.build([hook.map(event())], NOW)
    assert found.headers["webhook-id"] == "e1"
    assert found.headers["webhook-signature"] == signed_now(found, SECRET)
    body = json.loads(found.body)
    assert body["type"] == "purchase"
    assert body["data"]["ecommerce"]["items"] == [{"item_id": "A"}]


def test_a_batch_is_the_same_message_when_it_is_sent_again():
    hook = account(batch=100)
    mapped: list[Any] = [hook.map(event(name)) for name in ("e1", "e2")]
    first, second = hook.build(mapped, NOW), hook.build(mapped, NOW + 60_000)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [one["event_id"] for one in json.loads(first.body)["data"]["events"]] == ["e1", "e2"]


def test_two_secrets_sign_while_the_receiver_changes_over():
    hook: Any = webhook.configure({"url": "https://shop.example/hook"}, {"secret": SECRET, "previous_secret": OLD})
    found = hook.build([hook.map(event())], NOW)
    assert found.headers["webhook-signature"].split(" ") == [signed_now(found, SECRET), signed_now(found, OLD)]


def test_personal_fields_go_only_where_the_shop_asked_for_them():
    assert not {field for field in account().fields if field.startswith(("user", "client"))}
    assert {"user", "client"} <= account(personal=True).fields
    hook = account(personal=True)
    sent = hook.map(Event("login", "e1", "2026-08-29T10:00:00Z", user=User(email="a@example.com")))
    assert sent.body["user"] == {"email": "a@example.com"}


@pytest.mark.parametrize(
    ("settings", "secrets", "words"),
    [
        ({}, {"secret": SECRET}, "url is missing"),
        ({"url": "https://shop.example/hook"}, {}, "secret secret is missing"),
        ({"url": "http://shop.example/hook"}, {"secret": SECRET}, "must be https"),
        ({"url": "ftp://shop.example/hook"}, {"secret": SECRET}, "must be a URL"),
        ({"url": "https://u:p@shop.example/"}, {"secret": SECRET}, "without credentials"),
        ({"url": "https://shop.example/hook"}, {"secret": "whsec_!!!"}, "base64"),
        ({"url": "https://shop.example/hook", "batch": 0}, {"secret": SECRET}, "from 1 to 1000"),
        ({"url": "https://shop.example/hook", "bach": 1}, {"secret": SECRET}, "unknown setting 'bach'"),
    ],
)
def test_wrong_settings_say_what_to_change(settings, secrets, words):
    with pytest.raises(SettingsError, match=words):
        webhook.configure(settings, secrets)


@pytest.mark.parametrize(
    ("status", "size", "expected", "action"),
    [
        (200, 2, "delivered", None),
        (204, 1, "delivered", None),
        (301, 1, "hold", "stop"),
        (401, 1, "hold", "stop"),
        (410, 1, "hold", "stop"),
        (400, 1, "permanent", None),
        (422, 3, "split", None),
        (404, 1, "retry", None),
        (429, 1, "retry", None),
        (500, 2, "retry", None),
        (599, 1, "retry", None),
    ],
)
def test_answers_are_read_by_status(status, size, expected, action):
    verdict = webhook.classify(Answer(status, {}, b"<html>"), size)
    assert verdict.per_event == (expected,) * size
    assert verdict.credential_action == action
