"""The account: manifest, settings, request. Source: Meta Conversions API v25, "Using the API" and "Parameters"."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.meta.mapping import EVENT_NAMES, map_event
from rekindle.destinations.meta.quality import QUALITY_FIELDS, read_quality
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

VERSION: Final = "v25.0"

manifest: Final = Manifest(
    name="meta",
    title="Meta Conversions API",
    fields=frozenset(
        {
            "page.url", "page.referrer", "ecommerce",
            "client.ip", "client.user_agent", "client.fbp", "client.fbc",
            "user.user_id", "user.email", "user.phone", "user.first_name", "user.last_name", "user.gender",
            "user.date_of_birth", "user.city", "user.region", "user.postal_code", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"graph.facebook.com"}),
    # "You can send up to 1,000 events in data"; no fixed rate is published.
    limits=Limits(batch=1000),
    # Meta is not on the IAB vendor list; with a TC string, only its Additional Consent id (89) can allow it.
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"], ac_provider=89),
    settings=(
        Setting("pixel_id", "the pixel's (dataset's) number, from Events Manager", required=True),
        Setting("test_event_code", "shows the events under Test Events in Events Manager and nowhere else"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 1000"),
    ),
    secrets=(
        Setting("access_token", "a system user's token with access to the pixel", required=True),
        Setting("app_secret", "when the app demands proof: signs the token (appsecret_proof)"),
    ),
    host_settings=("api_base",),
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    pixel_id: str
    test_event_code: str | None = None
    default_region: str | None = None
    api_base: str = "https://graph.facebook.com"
    batch: int = 1000


class MetaAccount(Account):
    """One pixel."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        token = secrets["access_token"]
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/{VERSION}/{settings.pixel_id}/events",
            headers=bearer(token),
            batch=settings.batch,
            names=EVENT_NAMES,
        )
        self._settings = settings
        self._quality_url = f"{settings.api_base.rstrip('/')}/{VERSION}/dataset_quality"
        self._proof = None
        if secret := secrets.get("app_secret"):
            self._proof = hmac.new(secret.encode(), token.strip().encode(), hashlib.sha256).hexdigest()

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._settings.default_region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        # A clock that is a little ahead must not cost the event: the time is brought back to now.
        now_s = now_ms // 1000
        data = [one.body | {"event_time": min(one.body["event_time"], now_s)} for one in batch]
        body: dict[str, Any] = {"data": data}
        if self._settings.test_event_code:
            body["test_event_code"] = self._settings.test_event_code
        if self._proof:
            body["appsecret_proof"] = self._proof
        return self._post(body, batch)

    def quality_request(self) -> OutRequest:
        asked = {"dataset_id": self._settings.pixel_id, "fields": QUALITY_FIELDS}
        if self._proof:
            asked["appsecret_proof"] = self._proof
        return OutRequest("GET", f"{self._quality_url}?{urlencode(asked)}", self._headers, b"", ())

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        return read_quality(answer)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> MetaAccount:
    """Check and return the account. Raises `SettingsError`."""
    return MetaAccount(check_settings(manifest, settings, secrets, _Settings), secrets)
