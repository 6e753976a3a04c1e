"""A permit cannot be made, copied or changed, and is over in minutes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from pathlib import Path

import pytest

import rekindle
from rekindle.model.event import Consent, Ecommerce, Page
from rekindle.model.record import Stored
from rekindle.privacy.decide import PERMIT_MS, decide
from rekindle.privacy.permit import Leave, Permit, PermitExpired, PermitForged, PermitMismatch
from rekindle.workspace.documents import DestinationConsent, Policy

NOW = 1_788_000_000_000


def allowed(now: int = NOW, event_id: str = "e1") -> Permit:
    stored = Stored(
        "shop", event_id, "purchase", NOW, NOW, "web", "s1_a", Page(), Ecommerce(), Consent(ad_storage="granted")
    )
    decision = decide(
        stored,
        "meta",
        DestinationConsent(consent_mode=["ad_storage"]),
        Policy(),
        fields=frozenset({"user.email"}),
        latest=None,
        suppressed=False,
        now_ms=now,
    )
    assert decision.permit is not None
    return decision.permit


def test_it_opens_its_own_door_for_minutes() -> None:
    permit = allowed()
    permit.check(NOW, "meta", "e1")
    permit.check(NOW + PERMIT_MS - 1, "meta", "e1")
    for moment in (NOW + PERMIT_MS, NOW - 1):
        with pytest.raises(PermitExpired):
            permit.check(moment, "meta", "e1")


@pytest.mark.parametrize(("destination", "event"), [("tiktok", "e1"), ("meta", "e2")])
def test_it_opens_no_other(destination: str, event: str) -> None:
    with pytest.raises(PermitMismatch):
        allowed().check(NOW, destination, event)


def test_nobody_else_makes_one() -> None:
    values = {name.name: getattr(allowed(), name.name) for name in dataclasses.fields(Permit)}
    with pytest.raises(PermitForged):
        Permit(**{**values, "_mark": b""})
    with pytest.raises(PermitForged):
        dataclasses.replace(allowed(), expires_ms=NOW * 2)


def test_a_changed_one_is_noticed() -> None:
    permit = allowed()
    object.__setattr__(permit, "destination", "tiktok")
    with pytest.raises(PermitForged):
        permit.check(NOW, "tiktok", "e1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_id", "e2"), ("workspace", "other"), ("destination", "tiktok"), ("subject", "s1_b"),
        ("fields", frozenset({"user.email", "user.phone"})), ("fields", {"user.email", "user.phone"}),
        ("purposes", frozenset({"ad_storage", "ad_user_data"})), ("basis", "opt_out"), ("limited_use", True),
        ("issued_ms", NOW - 1), ("expires_ms", NOW * 2), ("signals", frozenset({"ad_user_data=granted"})),
        ("event_id", "half a pair: \ud800"),
    ],
)  # fmt: skip
def test_each_part_of_it_is_signed(name: str, value: object) -> None:
    permit = allowed()
    object.__setattr__(permit, name, value)
    with pytest.raises(PermitForged):
        permit.check(NOW, permit.destination, permit.event_id)


def test_a_requests_permits_are_proved_once_and_expire_with_the_first() -> None:
    older, newer = allowed(NOW - 1_000), allowed(NOW)
    leave = Leave([older, newer], NOW, "meta")
    leave.still(NOW + PERMIT_MS - 1_001)
    for moment in (NOW + PERMIT_MS - 1_000, NOW - 1):
        with pytest.raises(PermitExpired):
            leave.still(moment)
    with pytest.raises(PermitExpired):
        Leave([older, newer], NOW + PERMIT_MS - 1_000, "meta")
    with pytest.raises(PermitMismatch):
        Leave([older, newer], NOW, "tiktok")
    object.__setattr__(newer, "subject", "s1_b")
    with pytest.raises(PermitForged):
        Leave([older, newer], NOW, "meta")
    with pytest.raises(PermitExpired):
        Leave([], NOW, "meta").still(NOW)  # no permits, no leave


def test_an_event_whose_id_is_no_unicode_gets_a_permit_that_holds() -> None:
    permit = allowed(event_id="half a pair: \ud800")
    permit.check(NOW, "meta", "half a pair: \ud800")


def test_a_copy_within_the_process_is_the_same_permit() -> None:
    copy.copy(allowed()).check(NOW, "meta", "e1")


def test_one_stored_by_another_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = pickle.dumps(allowed())
    monkeypatch.setattr("rekindle.privacy.permit._SECRET", b"another process")
    with pytest.raises(PermitForged):
        pickle.loads(kept).check(NOW, "meta", "e1")


def test_only_the_decision_engine_issues() -> None:
    source = Path(rekindle.__file__).parent
    users = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"permit\b.*\b_issue\b|import.*\b_issue\b", path.read_text())
    }
    assert users == {"privacy/decide.py"}
