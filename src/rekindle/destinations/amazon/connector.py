"""The account. Source: Amazon Ads API v1, ``POST /adsApi/v1/create/events``.

Known from public forwarders and not from a live account: the path, the header names, 500 events a request and the
currencies. Seven days is our choice; no window is documented. Each event is answered for at once, and no call is known that tells
later what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.amazon.mapping import EVENT_TYPES, map_event
from rekindle.egress.connector import Limits, Manifest, Mapped, OAuth, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

_REGIONS: Final = {
    "na": "https://advertising-api.amazon.com",
    "eu": "https://advertising-api-eu.amazon.com",
    "fe": "https://advertising-api-fe.amazon.com",
}

manifest: Final = Manifest(
    name="amazon",
    title="Amazon Ads Events API",
    fields=frozenset(
        {
            "ecommerce", "client.ip", "client.os", "user.email", "user.phone", "user.first_name", "user.last_name",
            "user.street", "user.city", "user.region", "user.postal_code", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset(address.removeprefix("https://") for address in _REGIONS.values()),
    limits=Limits(batch=500),
    consent=DestinationConsent(
        consent_mode=["ad_storage", "ad_user_data"], tcf_vendor=793, tcf_purposes=[1, 3, 4, 7]
    ),
    settings=(
        Setting("advertiser_id", "the advertiser account's number (DSP CFID)", required=True),
        Setting("app_id", "the API app's client id, such as amzn1.application-oa2-client.…", required=True),
        Setting("region", "eu (default), na or fe: where the account is"),
        Setting("country", "two-letter country of events that do not tell their own"),
        Setting("dataset", "the dataset's name in Amazon Ads Data Manager; Default_Events without it"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 500"),
    ),
    secrets=(
        Setting("access_token", "OAuth token of Login with Amazon", required=True),
    ),
    oauth=OAuth(url="https://api.amazon.com/auth/o2/token"),
    host_settings=("api_base",),
    unverified="Known from public forwarders and not from a live account: path, headers, 500 events. Seven days is our choice; no quota is published.",
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    advertiser_id: str
    app_id: str
    region: Literal["na", "eu", "fe"] = "eu"
    country: str | None = None
    dataset: str | None = None
    default_region: str | None = None
    api_base: str | None = None
    batch: int = 500


class AmazonAccount(Account):
    """One advertiser."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        accounts = {"amazon-ads-accountid": settings.advertiser_id, "amazon-ads-clientid": settings.app_id}
        super().__init__(
            manifest,
            base=settings.api_base or _REGIONS[settings.region],
            path="/adsApi/v1/create/events",
            headers=bearer(secrets["access_token"]) | accounts,
            batch=settings.batch,
            names=EVENT_TYPES,
        )
        self._settings = settings

    def map(self, event: Event) -> Mapped | Rejected:
        settings = self._settings
        return map_event(
            event, country=settings.country, region=settings.default_region, dataset=settings.dataset,
            eu=settings.region == "eu",
        )  # fmt: skip

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        return self._post({"events": [one.body for one in batch]}, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> AmazonAccount:
    """Check and return the account. Raises `SettingsError`."""
    return AmazonAccount(check_settings(manifest, settings, secrets, _Settings), secrets)
