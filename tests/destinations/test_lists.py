"""Audience destinations of one request and of many: sessions, kinds of identifiers, limited use."""

import json
from typing import Any

import pytest

from rekindle.destinations import linkedin_audience, meta_custom_audience, pinterest_audience, snapchat_audience
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Rejected
from rekindle.model.event import User

NOW = 1_788_000_000_000
TOKEN = {"access_token": "t"}


def meta(**settings: Any) -> Any:
    return meta_custom_audience.configure({"audience_id": 1, **settings}, TOKEN)


def everyone(account: Any, count: int, operation: Operation = "add", **changes: Any) -> list[MappedMember]:
    members = [Member(f"m{n}", User(email=f"p{n}@example.com"), **changes) for n in range(count)]
    return [account.map(member, operation) for member in members]


def test_many_people_are_one_session_whose_parts_can_be_sent_again():
    account = meta(batch=100_000)
    people = everyone(account, 20_001)
    first, again = account.build("add", people, NOW), account.build("add", people, NOW + 60_000)
    assert [len(each.event_ids) for each in first] == [10_000, 10_000, 1]
    assert [each.body for each in first] == [each.body for each in again]
    sessions = [json.loads(each.body)["session"] for each in first]
    assert len({each["session_id"] for each in sessions}) == 1
    assert [(each["batch_seq"], each["last_batch_flag"]) for each in sessions] == [(1, False), (2, False), (3, True)]
    assert {each["estimated_num_total"] for each in sessions} == {20_001}


def test_one_request_needs_no_session():
    account = meta()
    (request,) = account.build("remove", everyone(account, 3, "remove"), NOW)
    assert request.method == "DELETE"
    assert "session" not in json.loads(request.body)


def test_meta_is_told_of_limited_use_in_requests_of_their_own():
    account = meta()
    limited, other = everyone(account, 1, limited_use=True), everyone(account, 1)
    assert limited[0].group != other[0].group
    payload = json.loads(account.build("add", limited, NOW)[0].body)["payload"]
    assert payload["schema"] == ["EMAIL", "DATA_PROCESSING_OPTIONS"]
    assert payload["data"][0][1] == ["LDU"]


@pytest.mark.parametrize(
    ("module", "settings"),
    [
        (pinterest_audience, {"ad_account_id": 1, "customer_list_id": 2}),
        (snapchat_audience, {"segment_id": 1}),
        (linkedin_audience, {"segment_id": 1}),
    ],
)
def test_where_use_cannot_be_limited_the_person_is_not_added_but_can_leave(module: Any, settings: dict[str, Any]):
    account = module.configure(settings, TOKEN)
    (added,) = everyone(account, 1, limited_use=True)
    (removed,) = everyone(account, 1, "remove", limited_use=True)
    assert isinstance(added, Rejected)
    assert added.reason == "limited-use"
    assert isinstance(removed, MappedMember)


def test_a_row_has_an_empty_cell_where_nothing_is_known():
    account = meta(default_region="PL")
    people = [
        account.map(Member("a", User(email="a@example.com", phone="601234567")), "add"),
        account.map(Member("b", User(phone="+48601234568")), "add"),
    ]
    payload = json.loads(account.build("add", people, NOW)[0].body)["payload"]
    assert payload["schema"] == ["EMAIL", "PHONE"]
    assert [row[0] == "" for row in payload["data"]] == [False, True]


def test_a_name_alone_matches_nobody():
    found = meta().map(Member("a", User(first_name="Anna", last_name="Kowalska")), "add")
    assert isinstance(found, Rejected)
