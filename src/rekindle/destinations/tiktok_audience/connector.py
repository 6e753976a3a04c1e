"""The segment. Source: TikTok API for Business v1.3, ``/segment/mapping/``.

``id_schema`` names the columns of ``batch_data``; what a person lacks is an empty object, so that everybody fits in one
request. Identifiers are read as for events; the documents of segments name no other rule. 10,000 people a request is
our choice below the documented limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import ListAccount, as_text
from rekindle.destinations.shared import context, identifier
from rekindle.destinations.tiktok.answers import classify
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Limits, Manifest, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.tiktok import PLATFORM
from rekindle.workspace import DestinationConsent

_SCHEMA: Final = (("EMAIL_SHA256", "email"), ("PHONE_SHA256", "phone"))

manifest: Final = Manifest(
    name="tiktok_audience",
    title="TikTok custom audience",
    kind="audience",
    fields=frozenset({"user.email", "user.phone", "user.country"}),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"business-api.tiktok.com"}),
    limits=Limits(batch=10_000),
    consent=DestinationConsent(consent_mode=["ad_user_data", "ad_personalization"]),
    settings=(
        Setting("advertiser_id", "the advertiser account's number", required=True),
        Setting("audience_id", "the custom audience's number", required=True),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a request, at most 10000"),
    ),
    secrets=(Setting("access_token", "a token with the right to manage audiences", required=True),),
    host_settings=("api_base",),
    unverified="No public page says how many requests a second are taken.",
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    advertiser_id: str
    audience_id: str
    default_region: str | None = None
    api_base: str = "https://business-api.tiktok.com"
    batch: int = 10_000


class TikTokSegment(ListAccount):
    """One custom audience."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path="/open_api/v1.3/segment/mapping/",
            headers={"access-token": secrets["access_token"].strip()},
            batch=settings.batch,
        )
        self._settings = settings

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        given = context(member.user, self._settings.default_region)
        found = [identifier(PLATFORM, member.user, field, given) for _name, field in _SCHEMA]
        if not any(found):
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail or phone")
        if refused := self._unlimited(member, operation):
            return refused
        return MappedMember(member.member_id, found)

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        audience = [self._settings.audience_id]
        body = {
            "advertiser_ids": [self._settings.advertiser_id],
            "action": "add" if operation == "add" else "delete",
            "id_schema": [name for name, _field in _SCHEMA],
            "batch_data": [
                [{"id": digest, "audience_ids": audience} if digest else {} for digest in one.body] for one in batch
            ],
        }
        return [self._send("POST", body, batch)]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> TikTokSegment:
    """Check and return the account. Raises `SettingsError`."""
    given = as_text(settings, "advertiser_id", "audience_id")
    return TikTokSegment(check_settings(manifest, given, secrets, _Settings), secrets)


__all__ = ["classify", "configure", "manifest"]
