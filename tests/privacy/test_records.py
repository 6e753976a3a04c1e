"""Records of processing and consent receipts come from the configuration; retention follows the policy by class."""

from __future__ import annotations

import msgspec

from rekindle.model.event import Consent
from rekindle.privacy.receipt import receipt
from rekindle.privacy.records import Recipient, build, by_label, markdown
from rekindle.privacy.retention import moments
from rekindle.workspace import Destination, DestinationConsent, Policy, Shop, Workspace
from rekindle.workspace.documents import Controller, Retention

DAY = 86_400_000
NOW = 1_790_000_000_000
CRITEO = Recipient(
    "criteo",
    "Criteo",
    frozenset({"user.email", "ecommerce"}),
    frozenset({"ads_personalization"}),
    frozenset({"c.example"}),
)


def shop(**policy: object) -> Workspace:
    rule = DestinationConsent(consent_mode=["ad_storage"], tcf_vendor=91)
    return Workspace(
        shop=Shop(name="demo", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN"),
        destinations={"criteo": Destination(kind="criteo", consent=rule)},
        policy=Policy(**policy),  # type: ignore[arg-type]
    )


def test_the_record_says_what_is_configured_and_what_is_not() -> None:
    made = build(shop(keep_events="30d"), [CRITEO], NOW)
    sending = made.activities[-1]
    assert sending.data["personal"] == ["user.email"]
    assert (
        sending.basis
        == "consent (consent mode ad_storage; TCF vendor 91 (Criteo), purposes 1, 3, 4), decided at every send"
    )
    assert sending.recipients == ["Criteo (c.example)"]
    assert "30d" in made.activities[0].erased_after
    assert [gap for gap in made.gaps if "[controller] contact" in gap]
    page = markdown(made)
    assert "## Sending to Criteo (criteo)" in page
    assert "## Still to be added" in page
    assert msgspec.json.decode(msgspec.json.encode(made))["controller"] == "Shop"


def test_who_answers_for_it_is_named() -> None:
    who = Controller(
        name="Shop Ltd", contact="privacy at shop.example", data_protection_officer="J. N.", privacy_notice="/p"
    )
    made = build(shop(controller=who), [], NOW)
    assert (made.controller, made.contact, made.data_protection_officer) == ("Shop Ltd", who.contact, "J. N.")
    assert made.gaps == []


def test_fields_are_told_by_class_most_sensitive_first() -> None:
    told = by_label({"user.email", "ecommerce.items", "client.gclid"})
    assert list(told) == ["personal", "pseudonymous", "public"]
    assert "ecommerce.items.price" in told["public"]


def test_a_receipt_decides_for_each_recipient_and_quotes_no_string() -> None:
    consent = Consent(ad_storage="granted", tcf="CQsecret")
    made = receipt(shop(), [CRITEO], "e1", "s1_a", consent, NOW)
    assert made["pii_principal_id"] == "s1_a"
    [purpose] = made["pii_processing"]["purposes"]
    assert (purpose["decision"], purpose["reason"]) == ("refused", "malformed")
    assert made["event"][0]["signals"]["ad_storage"] == "granted"
    assert "CQsecret" not in msgspec.json.encode(made).decode()
    given = receipt(shop(), [CRITEO], "e1", "s1_a", Consent(ad_storage="granted"), NOW)
    assert given["pii_processing"]["purposes"][0]["decision"] == "given"
    assert given["event"][0]["event_type"] == "explicit"
    implied = Consent(ad_storage="granted", kind="implied")
    assert receipt(shop(), [CRITEO], "e1", "s1_a", implied, NOW)["event"][0]["event_type"] == "not given"
    elsewhere = receipt(shop(jurisdiction="ccpa"), [CRITEO], "e1", "s1_a", implied, NOW)
    assert elsewhere["event"][0]["event_type"] == "implied"


def test_each_class_has_its_time_and_none_outlives_the_events() -> None:
    now = 1_000 * DAY
    kept = moments(Policy(keep_events="90d"), now)
    assert (kept.events, kept.identifiers, kept.consents) == (910 * DAY, 910 * DAY, 910 * DAY)
    short = moments(Policy(keep_events="90d", retention=Retention(identifiers="30d", consents="400d")), now)
    assert (short.identifiers, short.consents) == (970 * DAY, 910 * DAY)


def test_only_the_archive_may_be_kept_for_longer_than_the_log() -> None:
    now = 1_000 * DAY
    assert moments(Policy(keep_events="90d"), now).archive == 910 * DAY
    long = Policy(keep_events="90d", retention=Retention(archive="730d"))
    assert (moments(long, now).archive, moments(long, now).events) == (270 * DAY, 910 * DAY)
    assert "their archive after 730d" in build(shop(retention=long.retention), [], NOW).activities[0].erased_after
