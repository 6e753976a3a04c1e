"""The account: manifest, settings, mapping, request. Source: LinkedIn Conversions API, "Streaming conversion events".

An event belongs to a conversion rule of the ad account; a rule counts one kind of event, so each name has its own. The answer has a
status for each event and nothing by which to ask later (schema of the streaming answer, integrations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations import shared
from rekindle.destinations.account import Account, bearer
from rekindle.egress.connector import Limits, Manifest, Mapped, OAuth, OutRequest, Rejected, Setting, SettingsError
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.linkedin import PLATFORM
from rekindle.workspace import DestinationConsent

VERSION: Final = "202603"
# "Send an event within 90 days of when it happened."
_WINDOW_MS: Final = 90 * shared.DAY_MS
_URN: Final = "urn:lla:llaPartnerConversion:"

manifest: Final = Manifest(
    name="linkedin",
    title="LinkedIn Conversions API",
    fields=frozenset(
        {
            "ecommerce.value", "ecommerce.currency", "ecommerce.items", "client.li_fat_id",
            "user.email", "user.first_name", "user.last_name", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement"}),
    hosts=frozenset({"api.linkedin.com"}),
    # 5,000 events a batch; 600 requests a minute.
    limits=Limits(batch=5000, per_second=10),
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data"], tcf_vendor=804),
    settings=(
        Setting("conversion_id", "the number of the conversion rule that counts purchases", asked=True),
        Setting("conversions", 'rules by event name: { generate_lead = "123", sign_up = "456" }'),
        Setting("version", f"the API's version, {VERSION} unless told"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 5000"),
    ),
    secrets=(Setting("access_token", "a member's token with the permission rw_conversions", required=True),),
    host_settings=("api_base",),
    unverified="LinkedIn publishes no quota; 600 requests a minute and 300,000 a day are what integrations report. Your app's own is in the developer portal.",
    oauth=OAuth(url="https://www.linkedin.com/oauth/v2/accessToken", life_s=5_184_000),
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    conversion_id: str | None = None
    conversions: dict[str, str] = msgspec.field(default_factory=dict)
    version: str = VERSION
    api_base: str = "https://api.linkedin.com"
    batch: int = 5000


class LinkedInAccount(Account):
    """The conversion rules of one ad account."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        rules = {"purchase": settings.conversion_id} if settings.conversion_id else {}
        self._rules = {name: rule.removeprefix(_URN) for name, rule in (rules | settings.conversions).items()}
        if not self._rules:
            raise SettingsError(
                "linkedin: name a conversion rule: conversion_id for purchases, or conversions by event"
            )
        for name, rule in self._rules.items():
            if not (rule.isascii() and rule.isdigit()):
                raise SettingsError(f"linkedin: the conversion rule of {name} must be a number, from Campaign Manager")
        super().__init__(
            manifest,
            base=settings.api_base,
            path="/rest/conversionEvents",
            headers=bearer(secrets["access_token"]) | batch_create(settings.version),
            batch=settings.batch,
            names=self._rules,
        )

    def map(self, event: Event) -> Mapped | Rejected:
        time_ms = shared.event_time_ms(event)
        if isinstance(time_ms, Rejected):
            return time_ms
        if shared.limited(event):
            return Rejected("limited-use", "LinkedIn documents no limited use; the event stays here")
        ids, info = user_ids(event), _user_info(event)
        if not ids and "firstName" not in info:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail, no li_fat_id, and not both names")
        money = shared.money(event.ecommerce)
        # "userIds" is wanted even when it is empty; an info with nothing but a country says nothing.
        user: dict[str, Any] = {"userIds": ids}
        if "firstName" in info:
            user["userInfo"] = info
        body: dict[str, Any] = {
            "conversion": _URN + self._rules[event.event],
            "conversionHappenedAt": time_ms,
            "eventId": event.event_id,
            "user": user,
        }
        if money:
            body["conversionValue"] = {"currencyCode": money[1], "amount": shared.plain(money[0])}
        return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        return self._post({"elements": [one.body for one in batch]}, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> LinkedInAccount:
    """Check and return the account. Raises `SettingsError`."""
    given = dict(settings)
    if isinstance(rules := given.get("conversions"), dict):
        given["conversions"] = {name: str(rule) if isinstance(rule, int) else rule for name, rule in rules.items()}
    return LinkedInAccount(check_settings(manifest, given, secrets, _Settings), secrets)


def batch_create(version: str) -> dict[str, str]:
    """Return the headers of a batch create by the Rest.li protocol."""
    return {
        "linkedin-version": version,
        "x-restli-protocol-version": "2.0.0",
        "x-restli-method": "BATCH_CREATE",
    }


def user_ids(event: Event) -> list[dict[str, str]]:
    """Return the hashed e-mail and LinkedIn's own click id, each where known."""
    email = shared.hashed(PLATFORM, event.user, {"email": "SHA256_EMAIL"}, None)
    click = (event.client.li_fat_id or "").strip()
    found = email | ({"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID": click} if click else {})
    return [{"idType": kind, "idValue": value} for kind, value in found.items()]


def _user_info(event: Event) -> dict[str, str]:
    """Return the name in clear, both parts or none, with the country."""
    parts = {"first_name": "firstName", "last_name": "lastName", "country": "countryCode"}
    info: dict[str, str] = {}
    for field, key in parts.items():
        value = getattr(event.user, field)
        if value and (normal := PLATFORM.normalise(field, value).normalized):
            info[key] = normal
    return info if {"firstName", "lastName"} <= info.keys() else {}
