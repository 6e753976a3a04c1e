"""The account: manifest, settings, request. Source: Reddit Ads API v3, Conversions API, "Direct integration".

Looked for a call that tells later what became of a request: there is one that tells when each event of a pixel last fired, for all ways
in together and with another scope than ``adsconversions``, so it is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.reddit.mapping import EVENT_TYPES, map_event
from rekindle.egress.connector import Limits, Manifest, Mapped, OAuth, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="reddit",
    title="Reddit Conversions API",
    fields=frozenset(
        {
            "page.url", "ecommerce", "client.ip", "client.user_agent", "client.rdt_cid",
            "user.user_id", "user.email", "user.phone",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"ads-api.reddit.com"}),
    # "1,000 events/request"; 10,000 events a second are ten full requests. Up to five minutes ahead is taken.
    limits=Limits(batch=1000, per_second=10, future_ms=300_000),
    # Reddit is not on the IAB vendor list, and its Additional Consent id is not confirmed: name it per account.
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("pixel_id", "the pixel's id, from Events Manager", required=True),
        Setting("test_id", "shows the events under Event Testing, one a request; remove it afterwards"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 1000"),
    ),
    secrets=(Setting("access_token", "the conversion access token, from Events Manager", required=True),),
    host_settings=("api_base",),
    unverified="10,000 events a second and five minutes ahead are what integrations report.",
    oauth=OAuth(url="https://www.reddit.com/api/v1/access_token", basic=True),
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    pixel_id: str
    test_id: str | None = None
    default_region: str | None = None
    api_base: str = "https://ads-api.reddit.com"
    batch: int = 1000


class RedditAccount(Account):
    """One pixel."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/api/v3/pixels/{settings.pixel_id}/conversion_events",
            # "Default user agents get throttled."
            headers=bearer(secrets["access_token"]) | {"user-agent": "rekindle-destination/1.0"},
            # "Batch events not supported in Event Testing."
            batch=1 if settings.test_id else settings.batch,
            names=EVENT_TYPES,
        )
        self._region = settings.default_region
        self._test_id = settings.test_id

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        data: dict[str, Any] = {"events": [one.body for one in batch]}
        if self._test_id:
            data["test_id"] = self._test_id
        return self._post({"data": data}, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> RedditAccount:
    """Check and return the account. Raises `SettingsError`."""
    return RedditAccount(check_settings(manifest, settings, secrets, _Settings), secrets)
