"""Policies are tested, and what a change would do is counted before it is made."""

from __future__ import annotations

from typing import Any

import pytest

from rekindle.model.event import Consent, Ecommerce, Page
from rekindle.model.record import Stored
from rekindle.privacy.policy_diff import Changed, PolicyDiff
from rekindle.privacy.policy_tests import run
from rekindle.workspace import Destination, DestinationConsent, Policy, PolicyTest, Shop, Workspace

NOW = 1_790_000_000_000


def shop(*tests: PolicyTest, signals: list[str] | None = None, **policy: Any) -> Workspace:
    rule = DestinationConsent(consent_mode=signals or ["ad_user_data"])  # type: ignore[arg-type]
    return Workspace(
        shop=Shop(name="demo", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN"),
        destinations={"meta": Destination(kind="meta", consent=rule)},
        policy=Policy(test=list(tests), **policy),
    )


def example(question: str, expect: str, **consent: Any) -> PolicyTest:
    return PolicyTest(name="t", question=question, expect=expect, consent=consent)


@pytest.mark.parametrize(
    ("test", "failure"),
    [
        (example("store", "ok", ad_storage="granted"), ""),
        (example("store", "ad-storage-denied", ad_storage="denied"), ""),
        (example("store", "consent-absent"), ""),
        (example("personalise", "ad-personalization-absent", ad_storage="granted"), ""),
        (example("meta", "ok", ad_user_data="granted"), ""),
        (example("meta", "gpc-opt-out", ad_user_data="granted", gpc=True), ""),
        (example("meta", "ok", ad_user_data="denied"), "expected ok, and it is ad-user-data-denied"),
        (example("tiktok", "ok"), "'tiktok' is none of store, personalise, meta"),
        (example("meta", "ok", ad_data="granted"), "consent: ad_data: not a signal"),
        (example("meta", "ok", ad_storage="yes"), "Invalid enum value"),
    ],
)
def test_a_policy_is_held_to_its_tests(test: PolicyTest, failure: str) -> None:
    failed = run(shop(test), NOW)
    assert (failure in failed[0]) if failure else failed == []


def event(number: int, **consent: Any) -> Stored:
    return Stored("demo", f"e{number}", "view_item", NOW, NOW, "web", "s1_a", Page(), Ecommerce(), Consent(**consent))


def test_a_change_is_counted_by_destination_and_reason() -> None:
    found = PolicyDiff(shop(), shop(signals=["ad_user_data", "ad_personalization"]))
    found.add(event(number, ad_storage="granted", ad_user_data="granted") for number in range(3))
    found.add([event(9, ad_storage="granted", ad_user_data="granted", ad_personalization="granted")])
    found.add([event(10, ad_storage="granted", ad_user_data="denied")])
    assert found.events == 5
    assert found.changed() == [
        Changed("destination meta", "ok", "ad-personalization-absent", 3),
        Changed("destination meta", "ad-user-data-denied", "ad-personalization-absent", 1),
    ]
    assert found.asked("destination meta") == 5


def test_doors_ads_and_new_destinations_are_asked_too() -> None:
    after = shop(store_with=["ad_storage", "analytics_storage"], personalise_with=["ad_storage"])
    after.destinations["tiktok"] = after.destinations["meta"]
    found = PolicyDiff(shop(), after)
    found.add([event(1, ad_storage="granted", ad_user_data="granted")])
    assert {(one.question, one.before, one.after) for one in found.changed()} == {
        ("store", "ok", "analytics-storage-absent"),
        ("personalise", "ad-personalization-absent", "ok"),
        ("destination tiktok", "none", "ok"),
    }


def test_other_shops_and_bots_are_not_counted() -> None:
    found = PolicyDiff(shop(), shop())
    found.add([Stored("other", "e", "view_item", 1, 1, "web", "s", Page(), Ecommerce(), Consent())])
    found.add([Stored("demo", "e", "view_item", 1, 1, "web", "s", Page(), Ecommerce(), Consent(), bot=True)])
    assert found.events == 0
    assert found.changed() == []
