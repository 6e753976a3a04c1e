"""Every field has a class and purposes; what has none never leaves."""

from __future__ import annotations

import pytest

from rekindle.egress.connector import Manifest
from rekindle.model.discover import discover
from rekindle.model.event import Consent, Ecommerce, Event, Item, Page
from rekindle.model.record import Stored
from rekindle.privacy.classification import (
    FIELDS,
    GROUPS,
    PURPOSES,
    Label,
    granted,
    label,
    members,
    permitted,
    stays,
    unclassified,
)
from rekindle.privacy.decide import decide
from rekindle.workspace import DestinationConsent, Policy


def test_every_field_of_the_event_is_in_the_table_and_no_other() -> None:
    paths = set(Event.__struct_fields__) - GROUPS.keys()
    for group, kind in GROUPS.items():
        paths |= {f"{group}.{name}" for name in kind.__struct_fields__}
    paths = paths - {"ecommerce.items"} | {f"ecommerce.items.{name}" for name in Item.__struct_fields__}
    assert FIELDS.keys() == paths


def test_what_names_a_person_is_personal_and_the_unknown_stays() -> None:
    assert {label(name) for name in ("user", "user.email", "client.ip", "client")} == {Label.PERSONAL}
    assert label("ecommerce") == Label.PSEUDONYMOUS
    assert label("ecommerce.items") == Label.PUBLIC
    assert FIELDS["extra"] == (Label.SPECIAL, frozenset())
    with pytest.raises(KeyError):
        label("user.shoe_size")


def test_a_field_without_a_class_never_leaves() -> None:
    assert unclassified({"user.email", "user.shoe_size", "email"}) == ["email", "user.shoe_size"]
    assert permitted(frozenset({"user.shoe_size", "extra", "user.email"}), PURPOSES) == {"user.email"}


def test_a_group_loses_what_its_purpose_does_not_cover() -> None:
    assert permitted(frozenset({"ecommerce", "page.url"}), PURPOSES) == {"ecommerce", "page.url"}
    for_counting = permitted(frozenset({"client"}), frozenset({"analytics"}))
    assert for_counting == {"client.ip", "client.user_agent", "client.client_id", "client.device_type", "client.os"}
    assert permitted(frozenset({"user.email", "client.gclid", "client.client_id"}), frozenset({"analytics"})) == {
        "client.client_id"
    }
    assert permitted(frozenset({"user.email"}), frozenset()) == frozenset()


def test_what_a_person_granted_in_purposes() -> None:
    assert granted(frozenset({"tcf:1", "tcf:3", "tcf:4"})) == {"ads_personalization"}
    assert granted(frozenset({"tcf:7", "analytics_storage"})) == {"ads_measurement", "analytics"}
    assert granted(frozenset({"opt_out"})) == PURPOSES
    assert granted(frozenset({"tcf:1", "functionality_storage"})) == frozenset()


def ask(fields: set[str], signals: list[str]) -> tuple[str, frozenset[str]]:
    consent = Consent(ad_user_data="granted", ad_personalization="granted", analytics_storage="granted")
    stored = Stored("shop", "e1", "view_item", 1, 1, "web", "s1_a", Page(), Ecommerce(), consent)
    rule = DestinationConsent(consent_mode=signals)  # type: ignore[arg-type]
    found = decide(stored, "d", rule, Policy(), fields=frozenset(fields), latest=None, suppressed=False, now_ms=1)
    return found.reason, found.permit.fields if found.permit else frozenset()


def test_a_permit_has_the_intersection() -> None:
    assert ask({"user.email", "client.client_id"}, ["analytics_storage"]) == ("ok", frozenset({"client.client_id"}))
    assert ask({"user.email"}, ["ad_user_data"]) == ("ok", frozenset({"user.email"}))
    assert ask({"user.email"}, ["analytics_storage"]) == ("purpose-not-granted", frozenset())


@pytest.mark.parametrize("name", sorted(discover("rekindle.destinations")))
def test_every_destination_asks_for_classified_fields_that_its_purposes_need(name: str) -> None:
    manifest: Manifest = discover("rekindle.destinations")[name].manifest
    assert manifest.purposes <= PURPOSES
    assert unclassified(manifest.fields) == []
    assert stays(manifest.fields, manifest.purposes) == []
    assert all(members(field) for field in manifest.fields)
