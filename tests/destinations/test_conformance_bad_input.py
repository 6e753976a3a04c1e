"""What shops really send, at every destination: rejected with a reason or repaired by a written rule, never a crash.

A destination is tried with the settings of its first example. The webhook hands events to the shop's own receiver as
they are, so the rules on amounts, quantities and identifiers are not its.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle import destinations
from rekindle.destinations.preview import Preview, preview
from rekindle.destinations.preview_audience import preview_audience
from rekindle.egress.connector import Answer
from rekindle.model.clock import parse_rfc3339
from rekindle.model.discover import discover

MODULES: Any = discover("rekindle.destinations")
NOW = parse_rfc3339("2026-09-01T12:00:00Z")
TIME = "2026-09-01T11:59:00Z"
EMPTY = hashlib.sha256(b"").hexdigest()
GRANTED = dict.fromkeys(("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"), "granted")
AS_IT_IS = {"webhook"}


def of_kind(kind: str) -> list[str]:
    return sorted(name for name, module in MODULES.items() if module.manifest.kind == kind)


EVENTS = of_kind("events")
STRICT = [name for name in EVENTS if name not in AS_IT_IS]
AUDIENCES = of_kind("audience")


def config(name: str) -> dict[str, Any]:
    folder = Path(next(iter(destinations.__path__))) / name / "examples"
    found = [each for path in sorted(folder.glob("*.json")) for each in json.loads(path.read_text(encoding="utf-8"))]
    chosen: dict[str, Any] = next(each["config"] for each in found if "config" in each)
    return chosen


def purchase(shop: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    item = {"item_id": "sku-1", "item_name": "Kubek 🍵 茶", "price": 7, "quantity": 2}
    return {
        "event": "purchase",
        "event_id": "e1",
        "event_time": TIME,
        "source": "web",
        "page": {"url": "https://shop.example/thanks", "title": "茶 🍵"},
        "client": {
            "ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "client_id": "1234.5678", "gclid": "Cj0KCQjw",
            "fbp": "fb.1.1756720000000.1234567890", "ttclid": "E.C.P.abc", "msclkid": "0a1b2c", "epik": "dj0yJnU9",
            "sccid": "sc-1", "rdt_cid": "rd-1", "li_fat_id": "li-1", "criteo_gum_id": "k-gum-1",
        },
        "user": {"user_id": "c-7", "email": "anna@example.com", "phone": "+48601234567", "country": "PL",
                 "first_name": "Anna", "last_name": "Kowalska", "external": {"rtb_house": "rtb-1"}},
        "ecommerce": {"transaction_id": "T-1", "value": 14, "currency": "EUR", "items": [item], **(shop or {})},
        "consent": GRANTED,
        **changes,
    }  # fmt: skip


def run(name: str, *events: dict[str, Any]) -> tuple[Preview, list[Any]]:
    found = preview(MODULES[name], config(name), list(events), NOW)
    if found.outcome != "send":
        assert found.reasons, "nothing leaves and nothing says why"
    assert all(reason for reason in found.reasons.values())
    return found, [json.loads(bytes(each.body)) for each in found.requests]


def leaves(body: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with the name it is under."""
    if isinstance(body, dict):
        for name, each in body.items():
            yield from leaves(each, name)
    elif isinstance(body, list):
        for each in body:
            yield from leaves(each, key)
    else:
        yield key, body


def text(bodies: list[Any]) -> str:
    return json.dumps(bodies, ensure_ascii=False)


@pytest.mark.parametrize("name", EVENTS)
def test_a_good_purchase_leaves(name: str):
    found, bodies = run(name, purchase())
    assert (found.outcome, len(bodies)) == ("send", 1)


@pytest.mark.parametrize("name", EVENTS)
def test_no_items(name: str):
    found, bodies = run(name, purchase({"items": []}), purchase({"items": [{"quantity": 3}]}, event_id="e2"))
    assert found.outcome in ("send", "reject")
    assert "None" not in text(bodies)
    assert "null" not in text(bodies)


@pytest.mark.parametrize("name", STRICT)
@pytest.mark.parametrize("currency", [None, "", "ZZZ", "złoty"])
def test_an_amount_without_a_known_currency(name: str, currency: str | None):
    _, bodies = run(name, purchase({"currency": currency, "value": 98765}))
    assert "98765" not in text(bodies), "an amount without its currency means another amount"
    assert "ZZZ" not in text(bodies)


@pytest.mark.parametrize("name", EVENTS)
def test_text_for_numbers_and_numbers_for_text(name: str):
    item = {"item_id": 12345, "price": "7", "quantity": "2"}
    good = {"item_id": "12345", "price": 7, "quantity": 2}
    _, repaired = run(name, purchase({"transaction_id": 1, "value": "14", "items": [item]}))
    _, expected = run(name, purchase({"transaction_id": "1", "value": 14, "items": [good]}))
    assert repaired == expected


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "twelve"])
def test_no_numbers(name: str, bad: str):
    item = {"item_id": "sku-1", "price": bad}
    found, _ = run(name, purchase({"value": bad}), purchase({"items": [item]}, event_id="e2"))
    assert (found.outcome, found.reasons) == ("reject", {"e1": "malformed", "e2": "malformed"})


@pytest.mark.parametrize("name", STRICT)
@pytest.mark.parametrize("quantity", [-3, 0])
def test_a_quantity_below_one_is_one_and_a_negative_price_is_none(name: str, quantity: int):
    item = {"item_id": "sku-1", "price": -7, "quantity": quantity}
    _, bodies = run(name, purchase({"items": [item]}))
    found = list(leaves(bodies))
    assert all(float(each) >= 1 for key, each in found if key.lower() in ("quantity", "num_items", "number_items"))
    assert not [each for _, each in found if isinstance(each, int | float) and each < 0]


@pytest.mark.parametrize("name", STRICT)
def test_a_negative_value_never_leaves(name: str):
    _, bodies = run(name, purchase({"value": -98765}))
    assert "98765" not in text(bodies)


@pytest.mark.parametrize("name", EVENTS)
def test_five_hundred_items(name: str):
    items = [{"item_id": f"sku-{number}", "price": 1, "quantity": 1} for number in range(500)]
    found, bodies = run(name, purchase({"value": 500, "items": items}))
    if found.outcome == "send":
        assert len(text(bodies)) < 400_000
        if "sku-" in text(bodies):
            assert "sku-0" in text(bodies), "the first are kept"


@pytest.mark.parametrize("name", EVENTS)
def test_emoji_and_cjk_arrive_as_they_are(name: str):
    ids = [{"item_id": "茶-🍵", "item_name": "茶 🍵", "price": 14, "quantity": 1}]
    found, bodies = run(name, purchase({"items": ids}))
    assert found.outcome == "send"
    for request in found.requests:
        bytes(request.body).decode("utf-8")
    if "quantity" in text(bodies):
        assert "茶-🍵" in text(bodies)


@pytest.mark.parametrize("name", STRICT)
def test_hashed_already_is_not_hashed_again(name: str):
    digest = hashlib.sha256(b"anna@example.com").hexdigest()
    twice = hashlib.sha256(digest.encode()).hexdigest()
    plain = run(name, purchase())[1]
    hashed = run(name, purchase(user={"email": digest.upper(), "country": "PL"}))[1]
    assert twice not in text(hashed)
    assert hashlib.sha256(digest.upper().encode()).hexdigest() not in text(hashed)
    assert digest.upper() not in text(hashed)
    if digest in text(plain):
        assert digest in text(hashed)


@pytest.mark.parametrize("name", STRICT)
@pytest.mark.parametrize("nothing", ["", " ", "null", "undefined", EMPTY, EMPTY.upper(), "not an address"])
def test_the_hash_of_nothing_never_leaves(name: str, nothing: str):
    fields = ("email", "phone", "first_name", "last_name", "city", "region", "postal_code", "user_id", "gender")
    user = dict.fromkeys(fields, nothing)
    if nothing == "not an address":
        user = {"email": nothing, "phone": "12"}
    _, bodies = run(name, purchase(user=user | {"country": "PL"}))
    told = text(bodies).lower()
    assert EMPTY not in told
    for word in (" ", "null", "undefined", "not an address", "12"):
        assert hashlib.sha256(word.encode()).hexdigest() not in told
    assert "not an address" not in told


@pytest.mark.parametrize("name", STRICT)
def test_personal_data_never_leaves_in_clear(name: str):
    _, bodies = run(name, purchase())
    assert "anna@example.com" not in text(bodies).lower()
    assert "601234567" not in text(bodies)


@pytest.mark.parametrize("name", STRICT)
@pytest.mark.parametrize("time", ["2026-09-01T13:59:00+02:00", 1788263940, 1788263940000, "2026-09-01T11:59:00.000Z"])
def test_times_in_other_zones_in_seconds_and_in_milliseconds(name: str, time: Any):
    assert run(name, purchase(event_time=time))[1] == run(name, purchase())[1]


@pytest.mark.parametrize("name", EVENTS)
def test_times_that_cannot_be(name: str):
    times = {"text": "yesterday", "naive": "2026-09-01T11:59:00", "future": "2026-09-02T12:00:00Z",
             "old": "2020-01-01T00:00:00Z", "none": None}  # fmt: skip
    found, bodies = run(name, *(purchase(event_id=key, event_time=time) for key, time in times.items()))
    assert not bodies
    assert found.reasons == {
        "text": "malformed", "naive": "malformed", "none": "malformed", "future": "in-future", "old": "window-passed",
    }  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("source", ["app", "offline", "kiosk"])
def test_events_of_apps_and_of_the_shop_floor_leave_whole_or_not_at_all(name: str, source: str):
    found, _ = run(name, purchase(source=source))
    if source == "kiosk":
        assert found.reasons == {"e1": "malformed"}
    else:
        assert found.outcome == "send" or found.reasons


# What tells the platform that it is an app's event; None: it wants of such an event what the canonical one does not hold.
APPS = {
    "meta": None, "snapchat": None, "tiktok": None, "ga4": None, "criteo": None, "microsoft_uet": None, "rtb_house": None,
    "google_ads_enhanced": None, "google_data_manager": '"eventSource": "APP"',
    "pinterest": '"action_source": "app_android"', "reddit": '"action_source": "APP"',
    "amazon": '"eventSource": "ANDROID"', "openai": '"action_source": "mobile_app"', "webhook": '"source": "app"',
    # A conversion is of its rule, whose source was set at LinkedIn; the request has no field for it.
    "linkedin": '"conversion": "urn:lla:llaPartnerConversion:',
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_an_apps_event_is_told_as_one_or_not_at_all(name: str):
    event = purchase(source="app")
    event["client"] |= {"os": "android"}
    found, bodies = run(name, event)
    if APPS[name] is None:
        assert (found.outcome, found.reasons, bodies) == ("reject", {"e1": "missing-field"}, [])
    else:
        assert found.outcome == "send"
        assert str(APPS[name]) in json.dumps(bodies)


@pytest.mark.parametrize("name", ["amazon", "pinterest"])
def test_which_system_an_app_runs_on_is_not_guessed(name: str):
    found, _ = run(name, purchase(source="app"))
    assert found.reasons == {"e1": "missing-field"}


@pytest.mark.parametrize("name", STRICT)
def test_a_telephone_number_hashed_already_is_not_hashed_again(name: str):
    digest = hashlib.sha256(b"+48601234567").hexdigest()
    _, bodies = run(name, purchase(user={"email": "anna@example.com", "phone": digest.upper(), "country": "PL"}))
    told = text(bodies)
    assert hashlib.sha256(digest.encode()).hexdigest() not in told
    assert digest.upper() not in told


@pytest.mark.parametrize("name", EVENTS)
def test_no_consent_no_send(name: str):
    denied = dict.fromkeys(GRANTED, "denied")
    found, bodies = run(name, purchase(consent=denied), purchase(consent={}, event_id="e2"))
    assert (found.outcome, bodies, set(found.reasons)) == ("blocked", [], {"e1", "e2"})


@pytest.mark.parametrize("name", EVENTS)
def test_one_bad_event_costs_no_other(name: str):
    good = [purchase(event_id=f"good{number}") for number in range(3)]
    found, _ = run(name, good[0], purchase({"value": "NaN"}, event_id="bad"), good[1], good[2])
    assert (found.outcome, found.reasons) == ("send", {"bad": "malformed"})


@pytest.mark.parametrize("name", AUDIENCES)
@pytest.mark.parametrize("operation", ["add", "remove"])
def test_audiences_never_send_clear_text_or_the_hash_of_nothing(name: str, operation: Any):
    users = [
        {"member_id": "good", "email": " Anna@Example.com ", "phone": 48601234567, "consent": GRANTED},
        {"member_id": "hashed", "email": hashlib.sha256(b"jan@example.com").hexdigest(), "consent": GRANTED},
        {"member_id": "empty", "email": "", "phone": "null", "consent": GRANTED},
        {"member_id": "nothing", "email": EMPTY, "phone": EMPTY, "consent": GRANTED},
        {"member_id": "text", "email": "not an address", "phone": "12", "consent": GRANTED},
        {"member_id": "list", "email": [], "consent": GRANTED},
    ]
    found = preview_audience(MODULES[name], config(name), operation, users, NOW)
    bodies = [json.loads(bytes(each.body)) for each in found.requests]
    told = text(bodies)
    assert found.outcome == "send"
    assert hashlib.sha256(b"anna@example.com").hexdigest() in told
    assert hashlib.sha256(b"jan@example.com").hexdigest() in told
    assert EMPTY not in told
    assert "@" not in told
    assert "601234567" not in told
    assert set(found.reasons) == {"empty", "nothing", "text", "list"}


@pytest.mark.parametrize("name", AUDIENCES)
def test_who_refused_is_never_added(name: str):
    denied = {"email": "anna@example.com", "consent": dict.fromkeys(GRANTED, "denied")}
    absent = {"email": "jan@example.com", "consent": {}}
    found = preview_audience(MODULES[name], config(name), "add", [denied, absent], NOW)
    assert (found.outcome, found.requests) == ("blocked", [])


@pytest.mark.parametrize("name", sorted(MODULES))
@given(
    status=st.sampled_from([200, 202, 204, 207, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503]),
    body=st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"", b"null", b"[]", b"{}", b'"text"', b"<html></html>", b'{"error": null}', b'{"code": "x"}',
                         b'{"error": {"code": {}}}', b'{"data": 1}', b'{"results": [{}', b'{"errors": [null]}']),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                     lambda inner: st.dictionaries(st.sampled_from(
                         ["error", "errors", "code", "message", "details", "data", "index", "events", "status",
                          "results", "PartialErrors", "Errors", "success", "eventsReceived", "attributes"]), inner)
                     | st.lists(inner, max_size=3), max_leaves=6).map(lambda each: json.dumps(each).encode()),
    ),
    size=st.integers(min_value=1, max_value=5),
)  # fmt: skip
def test_answers_of_any_kind_are_classified(name: str, status: int, body: bytes, size: int):
    verdict = MODULES[name].classify(Answer(status, {"retry-after": "soon"}, body), size)
    assert len(verdict.per_event) == size
    if status >= 500:
        assert "delivered" not in verdict.per_event
        assert "accepted" not in verdict.per_event


# Their answers have no body that means anything: what is 2xx arrived.
BY_STATUS = {"ga4", "webhook", "rtb_house"}


@pytest.mark.parametrize("name", sorted(set(MODULES) - BY_STATUS))
@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize(
    "body", [b"<html><body>Bad Gateway</body></html>", b'{"events_received": 2, "fbtr', b"\x00\xff\xfe", b"[]", b"7"]
)
def test_an_answer_that_no_api_gives_proves_nothing(name: str, status: int, body: bytes):
    """A proxy's page, half an answer, or another's document: the events are tried again and not counted as delivered."""
    verdict = MODULES[name].classify(Answer(status, {"content-type": "text/html"}, body), 2)
    assert verdict.per_event == ("retry", "retry")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_pause_that_is_asked_for_is_kept(name: str):
    verdict = MODULES[name].classify(Answer(429, {"retry-after": "37"}, b""), 2)
    assert verdict.per_event == ("retry", "retry")
    assert verdict.retry is not None
    assert (verdict.retry.throttled, verdict.retry.after_ms) == (True, 37_000)
