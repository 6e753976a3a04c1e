"""Answers that are not as the platform's page has them: nothing crashes, nothing counts as taken that may not be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rekindle.egress.connector import Answer, Verdict
from rekindle.model.discover import discover

MODULES: dict[str, Any] = dict(discover("rekindle.destinations"))
GOOGLE = ["google_data_manager", "google_data_manager_audience"]


def said(name: str, size: int, status: int, body: Any, **headers: str) -> Verdict:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    verdict: Verdict = MODULES[name].classify(Answer(status, headers, raw), size)
    return verdict


def violations(*fields: str) -> dict[str, Any]:
    named = [{"field": field, "description": "is wrong"} for field in fields]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": named}]
    return {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no", "details": details}}


@pytest.mark.parametrize("name", sorted(MODULES))
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
@pytest.mark.parametrize(
    "bomb",
    [b"[" * 50_000 + b"]" * 50_000, b'{"error":' * 50_000 + b"1" + b"}" * 50_000, b'{"error":' + b"[" * 50_000],
    ids=["lists", "objects", "inside"],
)
def test_nesting_without_end_is_an_answer_too(name: str, status: int, bomb: bytes) -> None:
    verdict = said(name, 2, status, bomb)
    assert len(verdict.per_event) == 2


@pytest.mark.parametrize("name", GOOGLE)
def test_what_google_says_of_the_account_is_said_of_no_event(name: str) -> None:
    verdict = said(name, 3, 400, violations("destinations[0].operating_account.account_id"))
    assert (verdict.per_event, verdict.credential_action) == (("hold",) * 3, "stop")


@pytest.mark.parametrize("name", GOOGLE)
@pytest.mark.parametrize("path", ["events[{}].currency", "events.events[{}].user_data.user_identifiers[0]"])
def test_google_names_events_by_their_own_index(name: str, path: str) -> None:
    if name.endswith("audience"):
        path = path.replace("events", "audience_members")
    verdict = said(name, 3, 400, violations(path.format(1), "destinations[0].reference"))
    assert verdict.per_event == ("split", "permanent", "split")


def test_a_field_that_holds_no_event_names_none() -> None:
    assert said("google_data_manager", 2, 400, violations("consent[0]", "encoding")).per_event == ("split", "split")


@pytest.mark.parametrize("statuses", [[201], [201, 201, 201]])
def test_statuses_that_do_not_fit_the_batch_are_nobodys(statuses: list[int]) -> None:
    body = {"elements": [{"status": status} for status in statuses]}
    assert said("linkedin", 2, 200, body).per_event == ("retry", "retry")


def test_linkedin_switching_a_version_off_loses_nothing() -> None:
    body = {"status": 426, "code": "NONEXISTENT_VERSION", "message": "Requested version 20250101 is not active"}
    for size in (1, 2):
        verdict = said("linkedin", size, 426, body)
        assert (verdict.per_event, verdict.credential_action) == (("hold",) * size, "stop")


def test_one_event_over_the_quota_slows_the_lane() -> None:
    verdict = said("linkedin", 2, 207, {"elements": [{"status": 201}, {"status": 429}]})
    assert verdict.per_event == ("delivered", "retry")
    assert verdict.retry is not None
    assert verdict.retry.throttled


def test_meta_counting_fewer_events_than_were_sent() -> None:
    assert said("meta", 2, 200, {"events_received": 2}).per_event == ("delivered",) * 2
    assert said("meta", 2, 200, {"events_received": 1}).per_event == ("split",) * 2
    assert said("meta", 1, 200, {"events_received": 0}).per_event == ("retry",)
