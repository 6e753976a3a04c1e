"""Google's later word on what it took, and the identifiers its interfaces share."""

import json
from typing import Any

import pytest

from rekindle.destinations.google import identifiers, user_identifiers
from rekindle.destinations.google_data_manager.status import AsksStatus, read_status
from rekindle.egress.connector import Answer
from rekindle.model.event import User


def told(*states: str, **counts: int) -> Answer:
    each: list[dict[str, Any]] = [{"requestStatus": state} for state in states]
    if counts:
        listed = [{"reason": reason, "recordCount": str(count)} for reason, count in counts.items()]
        each[0]["errorInfo"] = {"errorCounts": listed}
    return Answer(200, {}, json.dumps({"requestStatusPerDestination": each}).encode())


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (told("SUCCESS"), "delivered"),
        (told("PROCESSING"), "waiting"),
        (told(), "waiting"),
        (told("SUCCESS", "PROCESSING"), "waiting"),
        (told("FAILED", PROCESSING_ERROR_REASON_OPERATING_ACCOUNT_MISMATCH=3), "refused"),
        (told("PARTIAL_SUCCESS", PROCESSING_ERROR_REASON_INVALID_GCLID=1), "partial"),
        # What is there already has arrived; where something else was refused too, it is not known what.
        (told("PARTIAL_SUCCESS", PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID=1), "delivered"),
        (told("FAILED", PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID=3), "delivered"),
        (told("FAILED", DUPLICATE_TRANSACTION_ID=3, INVALID_GCLID=1), "partial"),
        (told("SUCCESS", "FAILED"), "partial"),
        (told("FAILURE"), "refused"),
        (told("SUCCESS", "SOMETHING_NEW"), "waiting"),
        (Answer(503), "waiting"),
        (Answer(200, {}, b"<html>"), "waiting"),
        (Answer(200, {}, b'{"requestStatusPerDestination": 1}'), "waiting"),
    ],
)
def test_what_became_of_a_request(answer: Answer, state: str):
    assert read_status(answer).state == state


def test_reasons_are_counted():
    receipt = read_status(told("PARTIAL_SUCCESS", EVENT_TOO_OLD=2, DENIED_CONSENT=1))
    assert receipt.reasons == {"EVENT_TOO_OLD": 2, "DENIED_CONSENT": 1}
    assert "EVENT_TOO_OLD: 2" in receipt.words


def test_the_question_names_the_request_and_hides_the_token():
    account = AsksStatus("https://datamanager.googleapis.com/", "token", validate_only=False)
    request = account.status_request("a b")
    assert request.url == "https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=a+b"
    assert "token" not in request.url
    assert request.headers["authorization"] == "Bearer token"


def test_what_is_only_validated_is_never_asked_about():
    assert AsksStatus("https://datamanager.googleapis.com/", "token", validate_only=True).waits is None


@pytest.mark.parametrize("missing", ["first_name", "last_name", "postal_code", "country"])
def test_an_address_goes_whole_or_not_at_all(missing: str):
    whole: dict[str, Any] = {"first_name": "Anna", "last_name": "Kowalska", "postal_code": "00-950", "country": "PL"}
    assert [*user_identifiers(identifiers(User(**whole), None))[0]] == ["address"]
    assert user_identifiers(identifiers(User(**(whole | {missing: ""})), None)) == []


def test_dots_go_at_gmail_only_and_the_suffix_as_asked():
    def of(email: str, plus: str = "keep") -> str:
        return identifiers(User(email=email), None, plus)["email"]

    assert of("a.b@gmail.com") == of("ab@gmail.com")
    assert of("a.b@example.com") != of("ab@example.com")
    assert of("ab+x@gmail.com") != of("ab@gmail.com") == of("ab+x@gmail.com", "cut")
