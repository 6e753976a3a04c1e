"""The list. Source: Data Manager API v1, ``audienceMembers:ingest`` and ``:remove``, "Limits" (10,000 members).

Members are parted into requests by their state of consent, so that a request's consent is every member's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rekindle.destinations.account import ListAccount, bearer
from rekindle.destinations.google import OAUTH, USER_FIELDS, consent_of, identifiers, user_identifiers
from rekindle.destinations.google_data_manager.connector import (
    ACCOUNT_SETTINGS,
    HOST,
    PER_SECOND,
    TOKEN,
    AccountSettings,
    classify,
    numbers,
)
from rekindle.destinations.google_data_manager.status import AsksStatus
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Limits, Manifest, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.model.outcome import Reason
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="google_data_manager_audience",
    title="Google Data Manager (customer list)",
    kind="audience",
    fields=USER_FIELDS,
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({HOST}),
    limits=Limits(batch=10_000, per_second=PER_SECOND),
    # Customer Match takes nobody without both: "consent for ad user data and ad personalisation".
    consent=DestinationConsent(
        consent_mode=["ad_user_data", "ad_personalization"], tcf_vendor=755, tcf_purposes=[1, 3, 4, 7]
    ),
    settings=(
        *ACCOUNT_SETTINGS,
        Setting("audience_id", "the customer list's number (productDestinationId)", required=True),
        Setting("batch", "members a request, at most 10000"),
    ),
    secrets=(TOKEN,),
    oauth=OAUTH,
    host_settings=("api_base",),
)  # fmt: skip


class _Settings(AccountSettings, frozen=True, kw_only=True):
    audience_id: str
    batch: int = 10_000


class DataManagerList(ListAccount, AsksStatus):
    """One customer list."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path="/v1/audienceMembers",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
        )
        AsksStatus.__init__(self, settings.api_base, secrets["access_token"], validate_only=settings.validate_only)
        self._settings = settings

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        found = user_identifiers(identifiers(member.user, self._settings.default_region))
        if not found:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone or whole postal address")
        states = consent_of(member.consent, None, limited=member.limited_use)
        group = ",".join(states) if operation == "add" else ""
        return MappedMember(member.member_id, {"userData": {"userIdentifiers": found}}, group)

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        body: dict[str, Any] = {
            "destinations": [self._settings.destination(self._settings.audience_id)],
            "audienceMembers": [one.body for one in batch],
            "encoding": "HEX",
            "validateOnly": self._settings.validate_only,
        }
        if operation == "add":
            names = zip(("adUserData", "adPersonalization"), batch[0].group.split(","), strict=True)
            body["consent"] = {name: f"CONSENT_{state}" for name, state in names if state}
            # The account's owner accepts them in Google Ads; the request says that they were.
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        verb = "ingest" if operation == "add" else "remove"
        return [self._send("POST", body, batch, f":{verb}")]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> DataManagerList:
    """Check and return the account. Raises `SettingsError`."""
    given = numbers(settings, "operating_account", "login_account", "audience_id")
    return DataManagerList(check_settings(manifest, given, secrets, _Settings), secrets)


__all__ = ["classify", "configure", "manifest"]
