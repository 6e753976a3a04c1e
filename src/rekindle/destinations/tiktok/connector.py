"""The account. Source: TikTok Events API 2.0, ``/open_api/v1.3/event/track/``; official server-side tag.

Written choices, because the documents leave them open: the phone number is hashed with its ``+``, a purchase is
``CompletePayment`` (newer consoles call it ``Purchase``: setting ``purchase_event``), and the window is seven days for
every source. Looked for a call that tells later what became of a request (TikTok's own SDK, ``MeasurementApi``; integrations): those
there are tell of an advertiser's pixels and apps, and none takes a request's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from rekindle.destinations.account import Account
from rekindle.destinations.tiktok.mapping import EVENT_NAMES, map_event
from rekindle.egress.connector import Limits, Manifest, Mapped, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="tiktok",
    title="TikTok Events API 2.0",
    fields=frozenset(
        {
            "page.url", "page.referrer", "ecommerce", "client.ip", "client.user_agent", "client.ttclid",
            "user.user_id", "user.email", "user.phone", "user.first_name", "user.last_name", "user.city",
            "user.region", "user.postal_code", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"business-api.tiktok.com"}),
    # "/event/track/": 1,000 queries a second at every plan (Business API, "Rate limits").
    limits=Limits(batch=1000, per_second=1000),
    # TikTok is not on the IAB vendor list, and no Additional Consent id is known: a TC string alone cannot allow it.
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("pixel_code", "the pixel's code, or the app's or offline set's id", required=True),
        Setting("purchase_event", "CompletePayment (default) or Purchase, as the console calls it"),
        Setting("test_event_code", "shows the events under Test Events and nowhere else"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 1000"),
    ),
    secrets=(Setting("access_token", "the pixel's access token, from Events Manager", required=True),),
    host_settings=("api_base",),
    unverified="1,000 events and 1,000 requests a second are as an integration quotes TikTok's documentation; the window of seven days and the + in hashed numbers are confirmed by nothing public.",
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    pixel_code: str
    purchase_event: Literal["CompletePayment", "Purchase"] = "CompletePayment"
    test_event_code: str | None = None
    default_region: str | None = None
    api_base: str = "https://business-api.tiktok.com"
    batch: int = 1000


class TikTokAccount(Account):
    """One pixel."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path="/open_api/v1.3/event/track/",
            headers={"access-token": secrets["access_token"]},
            batch=settings.batch,
            names=EVENT_NAMES,
        )
        self._settings = settings
        self._words = EVENT_NAMES | {"purchase": settings.purchase_event}

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._words, self._settings.default_region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        now_s = now_ms // 1000
        body: dict[str, Any] = {
            "event_source": batch[0].group,
            "event_source_id": self._settings.pixel_code,
            "data": [one.body | {"event_time": min(one.body["event_time"], now_s)} for one in batch],
        }
        if self._settings.test_event_code:
            body["test_event_code"] = self._settings.test_event_code
        return self._post(body, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> TikTokAccount:
    """Check and return the account. Raises `SettingsError`."""
    return TikTokAccount(check_settings(manifest, settings, secrets, _Settings), secrets)
