"""One decision limits the use at every platform: the permit's, which each mapping tells in the platform's own words."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations.preview import Preview, preview
from rekindle.destinations.preview_audience import preview_audience
from rekindle.destinations.preview_event import read_event
from rekindle.egress.connector import Mapped
from rekindle.egress.fields import cut
from rekindle.model.event import Consent, Ecommerce, Page
from rekindle.model.record import Stored
from rekindle.privacy.decide import decide
from rekindle.privacy.permit import SIGNALS
from rekindle.workspace.documents import DestinationConsent, Policy
from tests.destinations.test_conformance_bad_input import (
    AUDIENCES,
    EVENTS,
    GRANTED,
    MODULES,
    NOW,
    config,
    purchase,
    run,
)
from tests.privacy.encode import gpp_header, tcf, us_core

# Where each platform wants to be told (reference: each connector's own sources).
WHERE: dict[str, tuple[str, ...]] = {
    "meta": ("data_processing_options", "LDU"),
    "snapchat": ("data_processing_options", "LDU"),
    "reddit": ("data_processing_options", "LDU"),
    "tiktok": ("limited_data_use", "true"),
    "pinterest": ("opt_out", "LDP"),
    "microsoft_uet": ("adStorageConsent", '"D"'),
    "google_data_manager": ("adPersonalization", "CONSENT_DENIED"),
    "ga4": ("ad_personalization", "DENIED"),
    "openai": ('"opt_out": true',),
}


@pytest.mark.parametrize("name", EVENTS)
def test_limited_use_is_told_or_the_event_stays(name: str) -> None:
    plain, plain_bodies = run(name, purchase())
    assert plain.outcome == "send"
    limited, bodies = run(name, purchase(ldu={"enabled": True, "country": 1, "state": 1000}))
    if limited.outcome != "send":
        assert limited.reasons == {"e1": "limited-use"}
        return
    assert bodies != plain_bodies
    told: Any = json.dumps(bodies)
    for word in WHERE.get(name, ()):
        assert word in told
    if name in WHERE:
        assert not all(word in json.dumps(plain_bodies) for word in WHERE[name])


NOT_APPLICABLE = gpp_header([7]) + "~" + us_core(2, [0] * 29 + [2, 0, 0])
SALE_OPT_OUT = gpp_header([7]) + "~" + us_core(2, [1] * 6 + [1, 2, 2] + [0] * 20 + [2, 0, 0])
CCPA = {"policy": {"jurisdiction": "ccpa"}}
# Where each platform is told what a person agreed to. (Google Ads' adjustments have no field for it.)
CONSENT: dict[str, tuple[str, ...]] = {
    "google_data_manager": ('"adUserData": "CONSENT_GRANTED"',),
    "ga4": ('"ad_user_data": "GRANTED"',),
    "microsoft_uet": ('"adStorageConsent": "G"',),
    "amazon": ('"amznAdStorage": "GRANTED"', '"amznUserData": "GRANTED"'),
}
# And where it is told that personal ads were refused meanwhile.
REFUSED: dict[str, str] = {
    "google_data_manager": '"adPersonalization": "CONSENT_DENIED"',
    "ga4": '"ad_personalization": "DENIED"',
    "meta": '"opt_out": true',
    "openai": '"opt_out": true',
    "pinterest": '"opt_out": true',
}


def shown(name: str, consent: dict[str, Any], **more: Any) -> tuple[Preview, str]:
    found = preview(MODULES[name], config(name) | more, [purchase(consent=consent)], NOW)
    return found, json.dumps([json.loads(bytes(each.body)) for each in found.requests])


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("signal", [{"us_privacy": "1---"}, {"gpp": NOT_APPLICABLE}], ids=["us-privacy", "gpp"])
def test_what_the_decision_limits_is_told_though_the_event_says_nothing(name: str, signal: dict[str, Any]) -> None:
    """CCPA: a signal that says "not applicable" is no choice, so the platform is told to be careful."""
    found, told = shown(name, GRANTED | signal, **CCPA)
    if found.outcome != "send":
        assert found.reasons == {"e1": "limited-use"}
        return
    for word in WHERE.get(name, ()):
        assert word in told


@pytest.mark.parametrize("name", EVENTS)
def test_who_did_not_opt_out_is_not_limited(name: str) -> None:
    _found, told = shown(name, GRANTED | {"us_privacy": "1YNN"}, **CCPA)
    if name in WHERE:
        assert not all(word in told for word in WHERE[name])


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("signal", [{"us_privacy": "1YYN"}, {"gpp": SALE_OPT_OUT}, {"gpc": True}])
def test_who_opted_out_is_not_sent(name: str, signal: dict[str, Any]) -> None:
    assert shown(name, GRANTED | signal, **CCPA)[0].outcome == "blocked"


@pytest.mark.parametrize("name", CONSENT)
def test_what_a_tc_string_grants_is_told_in_the_platforms_words(name: str) -> None:
    """GDPR: the string is the only signal, and the platform still learns what the decision rests on."""
    vendor = MODULES[name].manifest.consent.tcf_vendor
    purposes = list(range(1, 11))
    string = tcf(purposes=purposes, purposes_li=[7, 9, 10], vendors=[vendor], vendors_li=[vendor], disclosed=[vendor])
    found, told = shown(name, {"tcf": string})
    assert found.outcome == "send", found.reasons
    for word in CONSENT[name]:
        assert word in told


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_refused_meanwhile_is_told_and_not_what_came_with_the_event(name: str) -> None:
    module = MODULES[name]
    chosen = {key: value for key, value in config(name).items() if key not in ("consent", "policy")}
    names = {setting.name for setting in module.manifest.secrets}
    account = module.configure(
        {key: value for key, value in chosen.items() if key not in names},
        {key: str(value) for key, value in chosen.items() if key in names},
    )
    event = read_event(purchase())
    stored = Stored("shop", "e1", "purchase", NOW, NOW, "web", "s1_a", Page(), Ecommerce(), event.consent)
    latest = msgspec.structs.replace(event.consent, ad_personalization="denied")
    rule = DestinationConsent(consent_mode=["ad_user_data"])
    decision = decide(stored, name, rule, Policy(), fields=account.fields, latest=latest, suppressed=False, now_ms=NOW)
    assert decision.permit is not None
    mapped = account.map(cut(event, decision.permit))
    assert isinstance(mapped, Mapped)
    told = json.dumps(json.loads(account.build([mapped], NOW).body))
    assert REFUSED[name] in told


@pytest.mark.parametrize("name", AUDIENCES)
def test_a_list_that_cannot_limit_the_use_does_not_get_the_person(name: str) -> None:
    users = [{"member_id": "m1", "user": purchase()["user"], "consent": GRANTED | {"us_privacy": "1---"}}]
    found = preview_audience(MODULES[name], config(name) | CCPA, "add", users, NOW)
    if found.outcome != "send":
        assert found.reasons == {"m1": "limited-use"}
        return
    told = json.dumps([json.loads(bytes(each.body)) for each in found.requests])
    assert "LDU" in told or "CONSENT_DENIED" in told


signals = st.fixed_dictionaries({name: st.sampled_from([None, "granted", "denied"]) for name in SIGNALS})


@given(own=signals, latest=st.none() | signals)
def test_of_two_answers_the_stricter_is_told(own: dict[str, Any], latest: dict[str, Any] | None) -> None:
    given_consent = Consent(**own) if any(own.values()) else Consent(**own, us_privacy="1YNN")
    stored = Stored("shop", "e1", "purchase", NOW, NOW, "web", "s1_a", Page(), Ecommerce(), given_consent)
    decision = decide(
        stored, "d", DestinationConsent(consent_mode=["ad_storage"]), Policy(jurisdiction="ccpa"),
        fields=frozenset({"page"}), latest=None if latest is None else Consent(**latest), suppressed=False, now_ms=NOW,
    )  # fmt: skip
    if decision.permit is None:
        return
    told = decision.permit.told(given_consent)
    for name in SIGNALS:
        said = {own[name], (latest or {}).get(name)} - {None}
        expected = None if not said else "denied" if "denied" in said else "granted"
        assert getattr(told, name) == expected
    assert told.us_privacy == given_consent.us_privacy
