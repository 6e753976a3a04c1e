"""The account: manifest, settings, request. Source: Pinterest API v5 (OpenAPI 5.13), `events/create`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.pinterest.mapping import EVENT_NAMES, map_event
from rekindle.destinations.pinterest.quality import read_quality
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="pinterest",
    title="Pinterest Conversions API",
    fields=frozenset(
        {
            "page.url", "ecommerce",
            "client.ip", "client.user_agent", "client.os", "client.epik",
            "user.user_id", "user.email", "user.phone", "user.first_name", "user.last_name", "user.gender",
            "user.date_of_birth", "user.city", "user.region", "user.postal_code", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"api.pinterest.com"}),
    # maxItems 1000; "5,000 calls per minute per ad account" (OpenAPI); the page on rate limits has more, and no limit for
    # conversion access tokens but the universal one, 100 a second.
    limits=Limits(batch=1000, per_second=80),
    # Pinterest is not on the IAB vendor list, and its Additional Consent id is not confirmed: name it per account.
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("ad_account_id", "the ad account's number, from Ads Manager", required=True),
        Setting("test", "true marks every request as a test: checked and answered, not recorded"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 1000"),
    ),
    secrets=(Setting("access_token", "the conversion access token, from Ads Manager", required=True),),
    host_settings=("api_base",),
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    ad_account_id: str
    test: bool = False
    default_region: str | None = None
    api_base: str = "https://api.pinterest.com"
    batch: int = 1000


class PinterestAccount(Account):
    """One ad account."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/v5/ad_accounts/{settings.ad_account_id}/events{'?test=true' if settings.test else ''}",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
            names=EVENT_NAMES,
        )
        self._region = settings.default_region
        base = f"{settings.api_base.rstrip('/')}/v5/ad_accounts/{settings.ad_account_id}"
        self._quality_url = f"{base}/conversion_eqs?lookback_period=1d&ingestion_source=CONVERSIONS_API"

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        return self._post({"data": [one.body for one in batch]}, batch)

    def quality_request(self) -> OutRequest:
        return OutRequest("GET", self._quality_url, self._headers, b"", ())

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        return read_quality(answer)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> PinterestAccount:
    """Check and return the account. Raises `SettingsError`."""
    return PinterestAccount(check_settings(manifest, settings, secrets, _Settings), secrets)
