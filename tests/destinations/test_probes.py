"""`rekindle destinations preview` and `classify`: lines in, lines out, in order, whatever is in them."""

import json
from typing import Any

from click.testing import CliRunner

from rekindle.cli import main

GRANTED = {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}
CONFIG = {"pixel_id": 1234567890, "access_token": "test"}
NOW = "2026-09-01T12:00:00Z"


def probe(name: str, *lines: Any) -> tuple[int, list[dict[str, Any]]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    done = CliRunner().invoke(main, ["destinations", name], input=text + "\n")
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def event(**changes: Any) -> dict[str, Any]:
    return {
        "event": "view_item",
        "event_id": "e1",
        "event_time": "2026-09-01T11:59:00Z",
        "page": {"url": "https://shop.example/"},
        "client": {"ip": "203.0.113.9", "user_agent": "Mozilla/5.0"},
        "consent": GRANTED,
        **changes,
    }


def given(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "destination": "meta", "now": NOW, "config": CONFIG, "event": event(), **changes}


def test_one_event_is_one_request():
    status, (answer,) = probe("preview", given())
    assert status == 0
    assert (answer["id"], answer["outcome"], answer["reasons"]) == (1, "send", {})
    (request,) = answer["requests"]
    assert request["url"] == "https://graph.facebook.com/v25.0/1234567890/events"
    assert request["body"]["data"][0]["event_name"] == "ViewContent"
    assert "test" not in request["url"]


def test_repeats_fill_batches_of_a_thousand_with_ids_of_their_own():
    _, (answer,) = probe("preview", given(repeat=2001))
    sizes = [len(request["body"]["data"]) for request in answer["requests"]]
    assert sizes == [1000, 1000, 1]
    assert len({each["event_id"] for request in answer["requests"] for each in request["body"]["data"]}) == 2001


def test_blocked_rejected_and_mixed():
    denied = event(event_id="no", consent=GRANTED | {"ad_user_data": "denied"})
    old = event(event_id="old", event_time="2026-08-01T00:00:00Z")
    _, answers = probe(
        "preview",
        given(event=denied),
        given(event=event(consent={})),
        given(event=old),
        given(events=[denied, old]),
        given(events=[denied, event(), old]),
        given(events=[]),
    )
    assert [each["outcome"] for each in answers] == ["blocked", "blocked", "reject", "reject", "send", "reject"]
    assert answers[4]["reasons"] == {"no": "ad-user-data-denied", "old": "window-passed"}


def test_bad_lines_are_answered_and_stop_nothing():
    status, answers = probe(
        "preview",
        "{broken",
        given(id=2, destination="nobody"),
        given(id=3, config={"pixel_id": "1"}),
        given(id=4, now="yesterday"),
        given(id=5, events="x"),
        given(id=6, config=CONFIG | {"pixel": 1}),
        given(id=7, event="text"),
        given(id=8),
    )
    assert status == 1
    assert [each.get("id") for each in answers] == [None, 2, 3, 4, 5, 6, 7, 8]
    assert ["error" in each for each in answers] == [True] * 6 + [False, False]
    assert "access_token" in answers[2]["error"]
    assert answers[6]["reasons"] == {"#0": "malformed"}


def test_answers():
    def line(size: int, status: int, body: Any) -> dict[str, Any]:
        response = {"status": status, "headers": {"Retry-After": "7"}, "body": body}
        return {"id": size, "destination": "meta", "batch_size": size, "response": response}

    status, answers = probe(
        "classify",
        line(2, 200, {"events_received": 2}),
        line(1, 429, json.dumps({"error": {"code": 4}})),
        line(3, 400, {"error": {"code": 190}}),
        {"id": 9, "destination": "meta", "batch_size": 0},
    )
    assert status == 1
    assert answers[0]["per_event"] == ["delivered"] * 2
    assert (answers[1]["per_event"], answers[1]["retry"]) == (["retry"], {"after_ms": 7000, "throttled": True})
    assert (answers[2]["per_event"], answers[2]["credential_action"]) == (["hold"] * 3, "stop")
    assert "batch_size" in answers[3]["error"]


def test_the_list_names_every_destination():
    told = CliRunner().invoke(main, ["destinations", "list"]).output
    assert "meta: Meta Conversions API" in told
    assert "pixel_id (required)" in told
