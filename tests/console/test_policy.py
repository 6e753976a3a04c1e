"""Changes of the policy wait for a second person, who sees what they would do and says yes or no."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.console.alarms import privacy_alarms
from rekindle.model.event import Consent
from rekindle.privacy.subjects import Request
from rekindle.privacy.vendor_lists import Age
from rekindle.workspace import DestinationConsent, Version, Workspace
from tests.console.conftest import HOSTILE, PASSWORD, House, form_token, login

Browser = TestClient[Litestar]
DAY = 86_400_000


def stricter(live: Workspace) -> Workspace:
    meta = msgspec.structs.replace(
        live.destinations["meta"], consent=DestinationConsent(consent_mode=["ad_storage", "ad_personalization"])
    )
    return msgspec.structs.replace(live, destinations={"meta": meta})


@pytest.fixture
def proposed(house: House) -> Version:
    first = house.versions.apply(house.shops["shop"], "ola", "first")
    assert first.live
    made = house.versions.apply(stricter(house.shops["shop"]), "jan", f"stricter {HOSTILE}")
    assert not made.live
    return made


def test_what_waits_is_shown_with_its_changes_and_its_effect(house: House, ola: Browser, proposed: Version) -> None:
    granted = Consent(ad_storage="granted", ad_user_data="granted", ad_personalization="denied")
    house.append(*(house.event(f"e{number}", consent=granted) for number in range(3)))
    text = ola.get("/w/shop/policy").text
    assert "destinations.meta.consent.consent_mode" in text
    assert "ad_personalization" in text
    assert HOSTILE not in text
    asked = ola.get("/w/shop/policy?ask=effect").text
    assert "destination meta" in asked
    assert "3 events" in asked
    (alarm,) = [one for one in ola.get("/api/w/shop/overview").json()["alarms"] if one["code"] == "approval"]
    assert (alarm["about"], alarm["figure"]) == ("jan", 2)
    state = ola.get("/api/w/shop/policy").json()
    assert state["waiting"]["version"]["version"] == 2
    assert state["vendors"]["shipped"] is True


def test_a_second_person_approves_and_both_are_in_the_ledger(house: House, ola: Browser, proposed: Version) -> None:
    token = form_token(ola.get("/w/shop/policy").text)
    answer = ola.post("/w/shop/policy/2/approve", data={"form_token": token, "reason": "agreed"})
    assert answer.status_code == 303
    assert house.versions.live()["shop"] == stricter(house.shops["shop"])
    assert ("shop", "ola", "workspace.approve", "version 2 by jan agreed") in house.recorded
    assert house.versions.pending("shop") is None
    assert ola.post("/w/shop/policy/2/approve", data={"form_token": token}).status_code == 409
    assert "agreed" in ola.get("/w/shop/policy").text


def test_a_rejection_needs_a_reason_and_ends_the_proposal(house: House, ola: Browser, proposed: Version) -> None:
    token = form_token(ola.get("/w/shop/policy").text)
    assert ola.post("/w/shop/policy/2/reject", data={"form_token": token, "reason": "  "}).status_code == 409
    assert house.versions.pending("shop") is not None
    assert ola.post("/w/shop/policy/2/reject", data={"form_token": token, "reason": "too strict"}).status_code == 303
    assert house.versions.pending("shop") is None
    assert house.versions.live()["shop"] == house.shops["shop"]
    assert ola.post("/w/shop/policy/2/approve", data={"form_token": token}).status_code == 409
    assert ("shop", "ola", "workspace.reject", "version 2 by jan too strict") in house.recorded
    again = house.versions.apply(stricter(house.shops["shop"]), "jan", "once more")
    assert (again.version, again.live) == (3, False)


def test_nobody_approves_their_own_proposal(house: House, ola: Browser) -> None:
    house.versions.apply(house.shops["shop"], "jan", "first")
    house.versions.apply(stricter(house.shops["shop"]), "Ola", "mine")
    page = ola.get("/w/shop/policy").text
    assert "/policy/2/approve" not in page
    answer = ola.post("/w/shop/policy/2/approve", data={"form_token": form_token(page)})
    assert answer.status_code == 409
    assert house.versions.live()["shop"] == house.shops["shop"]


def test_who_may_not_publish_sees_and_cannot_answer(house: House, browser: Browser, proposed: Version) -> None:
    login(browser, "ewa", PASSWORD)
    page = browser.get("/w/shop/policy").text
    assert "destinations.meta.consent.consent_mode" in page
    assert "/approve" not in page
    token = form_token(page)
    for what in ("approve", "reject"):
        assert browser.post(f"/w/shop/policy/2/{what}", data={"form_token": token, "reason": "x"}).status_code == 403
    assert house.versions.pending("shop") is not None


def test_what_cannot_be_recorded_is_not_approved(
    house: House, ola: Browser, proposed: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = form_token(ola.get("/w/shop/policy").text)

    def full(*_: Any) -> None:
        raise OSError("ledger")

    monkeypatch.setattr(house.versions, "_record", full)
    assert ola.post("/w/shop/policy/2/approve", data={"form_token": token}).status_code == 500
    assert house.versions.live()["shop"] == house.shops["shop"]


def test_the_law_and_the_list_have_alarms() -> None:
    def codes(**given: Any) -> list[tuple[str, str]]:
        calm: dict[str, Any] = {
            "vendors": Age(178, 0, 3, shipped=False), "reads_strings": True, "pending": None, "requests": [],
            "now_ms": 100 * DAY,
        }  # fmt: skip
        return [(alarm.code, alarm.tone) for alarm in privacy_alarms(**(calm | given))]

    def request(state: str, due: int) -> Request:
        return Request("r_1", "erase", "gdpr", state, 0, due * DAY, 0)

    assert codes() == []
    old = Age(178, 0, 31, shipped=False)
    assert codes(vendors=old) == [("vendors-old", "warn")]
    assert codes(vendors=old, reads_strings=False) == []
    assert codes(requests=[request("open", 99)]) == [("request-late", "bad")]
    assert codes(requests=[request("waiting", 105)]) == [("request-soon", "warn")]
    assert codes(requests=[request("waiting", 120), request("done", 99)]) == []
