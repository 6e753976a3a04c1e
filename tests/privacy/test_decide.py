"""The decision: every framework that is present must allow, at least one must be able to, and faults mean no."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Consent, Ecommerce, LimitedDataUse, Page
from rekindle.model.record import Stored
from rekindle.privacy.decide import PERMIT_MS, Decision, decide, decide_member, door, may_personalise
from rekindle.workspace.documents import DestinationConsent, Policy
from tests.privacy import encode
from tests.privacy.encode import gpp_header, tcf, us_core

NOW = parse_rfc3339("2026-06-01T00:00:00Z")
META = DestinationConsent(consent_mode=["ad_storage", "ad_user_data"])
GOOGLE = DestinationConsent(consent_mode=["ad_user_data"], tcf_vendor=755, tcf_purposes=[1, 3, 4])
GRANTED: dict[str, Any] = {"ad_storage": "granted", "ad_user_data": "granted"}
GDPR, CCPA = Policy(), Policy(jurisdiction="ccpa")
NOT_OPTED_OUT = gpp_header([7]) + "~" + us_core(2, [1] * 6 + [2] * 3 + [0] * 20 + [2, 0, 0])
SALE_OPT_OUT = gpp_header([7]) + "~" + us_core(2, [1] * 6 + [1, 2, 2] + [0] * 20 + [2, 0, 0])
NOT_APPLICABLE = gpp_header([7]) + "~" + us_core(2, [0] * 29 + [2, 0, 0])


def ask(
    consent: Consent,
    rule: DestinationConsent = META,
    policy: Policy = GDPR,
    latest: Consent | None = None,
    ldu: LimitedDataUse | None = None,
    *,
    suppressed: bool = False,
) -> Decision:
    stored = Stored("shop", "e1", "purchase", NOW, NOW, "web", "s1_a", Page(), Ecommerce(), consent, ldu=ldu)
    decision = decide(
        stored, "d", rule, policy, fields=frozenset({"user.email"}), latest=latest, suppressed=suppressed, now_ms=NOW
    )
    assert decision.allowed == (decision.permit is not None) == (decision.reason == "ok")
    return decision


CASES: list[tuple[str, dict[str, Any], DestinationConsent, Policy, str]] = [
    ("nothing", {}, META, GDPR, "consent-absent"),
    ("both signals", GRANTED, META, GDPR, "ok"),
    ("implied is not given", GRANTED | {"kind": "implied"}, META, GDPR, "consent-implied"),
    ("implied, where it may be", GRANTED | {"kind": "implied"}, META, CCPA, "ok"),
    ("explicit", GRANTED | {"kind": "explicit"}, META, GDPR, "ok"),
    ("one denied", GRANTED | {"ad_user_data": "denied"}, META, GDPR, "ad-user-data-denied"),
    ("one missing", {"ad_storage": "granted"}, META, GDPR, "ad-user-data-absent"),
    ("gpc over everything", GRANTED | {"gpc": True, "tcf": tcf()}, GOOGLE, GDPR, "gpc-opt-out"),
    ("gpc off", GRANTED | {"gpc": False}, META, GDPR, "ok"),
    ("string grants", {"tcf": tcf()}, GOOGLE, GDPR, "ok"),
    ("string refuses the vendor", {"tcf": tcf(vendors=[])}, GOOGLE, GDPR, "no-vendor-consent"),
    ("string refuses, mode grants", GRANTED | {"tcf": tcf(purposes=[1])}, GOOGLE, GDPR, "no-purpose-consent"),
    ("string grants, mode refuses", {"tcf": tcf(), "ad_user_data": "denied"}, GOOGLE, GDPR, "ad-user-data-denied"),
    ("both grant", GRANTED | {"tcf": tcf()}, GOOGLE, GDPR, "ok"),
    ("unreadable string, mode grants", GRANTED | {"tcf": "CQSb"}, GOOGLE, GDPR, "malformed"),
    ("unreadable string, no vendor", GRANTED | {"tcf": "CQSb"}, META, GDPR, "malformed"),
    ("old string", GRANTED | {"tcf": tcf(policy=2)}, GOOGLE, GDPR, "policy-too-old"),
    ("vendor not on the list: string alone", {"tcf": tcf()}, META, GDPR, "consent-not-enough"),
    ("vendor not on the list: mode too", GRANTED | {"tcf": tcf()}, META, GDPR, "ok"),
    ("vendor not on the list: no profile", GRANTED | {"tcf": tcf(purposes=[1])}, META, GDPR, "no-purpose-consent"),
    ("sale opt-out over a grant", GRANTED | {"us_privacy": "1YYN"}, META, GDPR, "us-privacy-opt-out"),
    ("gpp opt-out over a grant", GRANTED | {"gpp": SALE_OPT_OUT}, META, GDPR, "sale-opt-out"),
    ("unreadable gpp", GRANTED | {"gpp": "DBAB"}, META, CCPA, "gpp-malformed"),
    ("unknown gpp", GRANTED | {"gpp": gpp_header([30]) + "~BAAA"}, META, CCPA, "gpp-unsupported-version"),
    ("unreadable us privacy", GRANTED | {"us_privacy": "1Y"}, META, CCPA, "us-privacy-malformed"),
    ("us signal is no grant in Europe", {"us_privacy": "1YNN"}, META, GDPR, "consent-not-enough"),
    ("us signal is enough in America", {"us_privacy": "1YNN"}, META, CCPA, "ok"),
    ("gpp is enough in America", {"gpp": NOT_OPTED_OUT}, META, CCPA, "ok"),
    ("not applicable is no choice", {"gpp": NOT_APPLICABLE}, META, CCPA, "consent-not-enough"),
    ("nothing in America", {}, META, CCPA, "consent-absent"),
    ("string inside gpp grants", {"gpp": f"{gpp_header([2])}~{tcf()}"}, GOOGLE, GDPR, "ok"),
    ("string inside gpp refuses", GRANTED | {"gpp": f"{gpp_header([2])}~{tcf(vendors=[])}"}, GOOGLE, GDPR,
     "no-vendor-consent"),
    ("no mapping", GRANTED | {"tcf": tcf()}, DestinationConsent(consent_mode=[]), GDPR, "destination-unmapped"),
    ("mode without a mapping", GRANTED, DestinationConsent(consent_mode=[], tcf_vendor=755, tcf_purposes=[1]), GDPR,
     "consent-not-enough"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("consent", "rule", "policy", "reason"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_one_destination(consent: dict[str, Any], rule: DestinationConsent, policy: Policy, reason: str) -> None:
    assert ask(Consent(**consent), rule, policy).reason == reason


PROVIDER = DestinationConsent(consent_mode=[], ac_provider=89)


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        ({"tcf": tcf(), "ac": "2~89~dv."}, "ok"),
        ({"tcf": tcf(), "ac": "2~3~dv.89"}, "no-provider-consent"),
        ({"tcf": tcf()}, "ac-absent"),
        ({"tcf": tcf(), "ac": "89"}, "ac-malformed"),
        ({"tcf": tcf(purposes=[1, 3]), "ac": "2~89~dv."}, "no-purpose-consent"),
        ({"ac": "2~89~dv."}, "consent-absent"),
    ],
)
def test_a_platform_reached_through_additional_consent(consent: dict[str, Any], reason: str) -> None:
    assert ask(Consent(**consent), PROVIDER).reason == reason


def test_the_permit_names_what_was_granted() -> None:
    permit = ask(Consent(**GRANTED, tcf=tcf()), GOOGLE).permit
    assert permit is not None
    assert permit.purposes == {"tcf:1", "tcf:3", "tcf:4", "ad_user_data"}
    assert permit.basis == "tcf+consent_mode"
    assert permit.fields == {"user.email"}
    assert (permit.issued_ms, permit.expires_ms) == (NOW, NOW + PERMIT_MS)
    assert (permit.workspace, permit.destination, permit.event_id, permit.subject) == ("shop", "d", "e1", "s1_a")


def test_withdrawn_between_queue_and_send() -> None:
    assert ask(Consent(**GRANTED), latest=Consent(**GRANTED)).allowed
    for newer in (Consent(ad_storage="denied"), Consent(), Consent(**GRANTED, gpc=True), Consent(tcf="x")):
        assert ask(Consent(**GRANTED), latest=newer).reason == "consent-withdrawn"


def test_a_later_grant_does_not_reach_back() -> None:
    assert not ask(Consent(ad_storage="denied", ad_user_data="denied"), latest=Consent(**GRANTED)).allowed


def test_suppressed_is_no() -> None:
    assert ask(Consent(**GRANTED), suppressed=True).reason == "suppressed"


def test_limited_use_comes_from_the_event_or_the_signal() -> None:
    def limited(decision: Decision) -> bool:
        assert decision.permit is not None
        return decision.permit.limited_use

    assert not limited(ask(Consent(**GRANTED)))
    assert limited(ask(Consent(**GRANTED), ldu=LimitedDataUse(enabled=True, country=1, state=1000)))
    assert not limited(ask(Consent(**GRANTED, us_privacy="1YNN"), policy=CCPA))
    assert limited(ask(Consent(**GRANTED, us_privacy="1---"), policy=CCPA))


def test_facts_hold_hashes_and_no_strings() -> None:
    consent = Consent(**GRANTED, tcf=tcf(), gpp=NOT_OPTED_OUT)
    for rule in (GOOGLE, META):
        told = repr(ask(consent, rule))
        assert tcf() not in told
        assert NOT_OPTED_OUT not in told
        assert "tcf_hash" in told


@pytest.mark.parametrize(
    "name", ["parse_tcf", "parse_gpp", "read_usp", "decide_purpose", "string_reason", "read_choice"]
)
def test_a_fault_in_consent_code_is_a_no(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def broken(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError("canary@example.com")

    consent = Consent(**GRANTED, tcf=tcf(), gpp=NOT_OPTED_OUT, us_privacy="1YNN")
    place = "rekindle.privacy.decide" if name == "read_choice" else "rekindle.privacy._frameworks"
    monkeypatch.setattr(f"{place}.{name}", broken)
    decision = ask(consent, GOOGLE)
    assert decision.reason == "consent-code-failed"
    assert "canary" not in repr(decision)
    own = Policy(tcf_vendor=755)
    assert not door(consent, own, NOW).keep
    assert not may_personalise(consent, own, NOW)[0]


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        ({"ad_storage": "granted"}, "ok"),
        ({}, "consent-absent"),
        ({"ad_storage": "denied"}, "consent-denied"),
        ({"analytics_storage": "granted"}, "consent-denied"),
        ({"tcf": tcf()}, "ok"),
        ({"tcf": tcf(purposes=[1])}, "consent-denied"),
        ({"tcf": "nonsense!"}, "consent-unreadable"),
        ({"tcf": "nonsense!", "ad_storage": "granted"}, "consent-unreadable"),
        ({"tcf": tcf(), "ad_storage": "denied"}, "consent-denied"),
        ({"ad_storage": "granted", "gpc": True}, "consent-denied"),
    ],
)
def test_the_door(consent: dict[str, Any], reason: str) -> None:
    answer = door(Consent(**consent), GDPR, NOW)
    assert (answer.keep, answer.reason) == (reason == "ok", reason)


def test_the_door_asks_for_the_shops_own_vendor_id() -> None:
    policy = Policy(tcf_vendor=1234)
    assert not door(Consent(tcf=tcf()), policy, NOW).keep
    assert door(Consent(tcf=tcf(vendors=[1234], disclosed=[1234])), policy, NOW).keep


def test_personal_ads_need_more_than_storing() -> None:
    granted = Consent(ad_storage="granted", ad_personalization="granted")
    assert may_personalise(granted, GDPR, NOW) == (True, "ok")
    assert may_personalise(Consent(ad_storage="granted"), GDPR, NOW) == (False, "ad-personalization-absent")
    assert may_personalise(None, GDPR, NOW) == (False, "consent-absent")
    assert may_personalise(Consent(tcf=tcf(purposes=[1, 4])), GDPR, NOW) == (False, "no-purpose-consent")


def test_a_member_of_an_audience_is_decided_with_the_newest_consent() -> None:
    def member(latest: Consent | None) -> Decision:
        return decide_member(
            "shop", "s1_a", "job1", "d", META, GDPR, fields=frozenset(), latest=latest, suppressed=False, now_ms=NOW
        )

    assert member(None).reason == "consent-absent"
    permit = member(Consent(**GRANTED)).permit
    assert permit is not None
    permit.check(NOW, "d", "job1")


states = st.sampled_from([None, "granted", "denied"])
consents = st.builds(
    Consent,
    ad_storage=states,
    ad_user_data=states,
    ad_personalization=states,
    tcf=st.sampled_from([None, "", "CQSb", tcf(), tcf(vendors=[]), tcf(purposes=[1]), tcf(disclosed=None)]),
    gpp=st.sampled_from([None, "x", NOT_OPTED_OUT, SALE_OPT_OUT, NOT_APPLICABLE]),
    us_privacy=st.sampled_from([None, "1YNN", "1YYN", "1---", "?"]),
    gpc=st.sampled_from([None, False, True]),
)


@settings(max_examples=400, deadline=None)
@given(consents, st.none() | consents, st.sampled_from([META, GOOGLE, PROVIDER]), st.sampled_from([GDPR, CCPA]))
def test_nothing_leaves_against_any_signal(
    consent: Consent, latest: Consent | None, rule: DestinationConsent, policy: Policy
) -> None:
    if not ask(consent, rule, policy, latest).allowed:
        return
    for one in (consent, latest or consent):
        assert not one.gpc
        assert one.gpp in {None, NOT_OPTED_OUT, NOT_APPLICABLE}
        assert one.us_privacy in {None, "1YNN", "1---"}
        assert one.tcf in {None, "", tcf()} or (rule is META and one.tcf == tcf(vendors=[]))
        signals = (one.ad_storage, one.ad_user_data, one.ad_personalization)
        if any(signal is not None for signal in signals):
            assert all(getattr(one, name) == "granted" for name in rule.consent_mode)
        if policy is GDPR:
            assert one.tcf or any(signals)


def test_the_encoder_makes_what_the_tests_mean() -> None:
    assert encode.gpp_header([7]) == "DBABL"
