"""The preview of an audience: who may be added, who is removed, and jobs parted by the state of consent."""

import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from rekindle.destinations.preview_audience import preview_audience
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Limits, Manifest, OutRequest, Rejected
from rekindle.workspace import DestinationConsent

GRANTED = {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}


class ListOfEmails:
    fields = frozenset({"user.email"})
    hosts = frozenset({"list.example"})
    batch = 2

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        if not member.user.email:
            return Rejected("no-match-key")
        assert member.user.phone is None, "cut to the permitted fields"
        return MappedMember(member.member_id, member.user.email, group=str(member.consent.ad_personalization))

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        body = json.dumps([operation, *(one.body for one in batch)]).encode()
        return [OutRequest("POST", "https://list.example/", {}, body, tuple(one.member_id for one in batch))]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> ListOfEmails:
    return ListOfEmails()


MODULE: Any = SimpleNamespace(
    manifest=Manifest(
        name="list",
        title="A list",
        fields=frozenset({"user.email"}),
        purposes=frozenset(),
        hosts=frozenset(),
        limits=Limits(batch=2),
        consent=DestinationConsent(consent_mode=["ad_user_data"]),
        kind="audience",
    ),
    configure=configure,
)


def run(operation: Operation, *users: Any, consent: Any = None) -> tuple[str, dict[str, str], list[Any]]:
    found = preview_audience(MODULE, {}, operation, list(users), 0, consent)
    return found.outcome, found.reasons, [json.loads(bytes(each.body)) for each in found.requests]


def test_batches_of_people_who_agreed():
    users = [{"email": f"{name}@example.com", "phone": 48601234567, "consent": GRANTED} for name in "abc"]
    assert run("add", *users) == ("send", {}, [["add", "a@example.com", "b@example.com"], ["add", "c@example.com"]])


def test_who_refused_or_never_answered_is_not_added_but_is_removed():
    users = [
        {"member_id": "no", "email": "a@example.com", "consent": GRANTED | {"ad_user_data": "denied"}},
        {"user": {"email": "b@example.com"}},
    ]
    outcome, reasons, requests = run("add", *users)
    assert (outcome, reasons, requests) == ("blocked", {"no": "ad-user-data-denied", "#1": "consent-absent"}, [])
    assert sum(len(each) - 1 for each in run("remove", *users)[2]) == 2


def test_without_any_consent_the_mapping_of_people_who_agreed_is_shown():
    assert run("add", {"email": "a@example.com"}) == ("send", {}, [["add", "a@example.com"]])
    assert run("add", {"email": "a@example.com"}, consent={"ad_user_data": "denied"})[0] == "blocked"


def test_states_of_consent_never_share_a_request():
    other = GRANTED | {"ad_personalization": "denied"}
    users = [{"email": "a@example.com", "consent": GRANTED}, {"email": "b@example.com", "consent": other}]
    assert len(run("add", *users)[2]) == 2


def test_bad_users_are_told_and_stop_nobody():
    outcome, reasons, requests = run("add", "text", {"email": 5}, {}, {"email": "a@example.com"})
    assert (outcome, requests) == ("send", [["add", "a@example.com"]])
    assert reasons == {"#0": "malformed", "#1": "malformed", "#2": "no-match-key"}
