"""The account and its answers. Source: Snap Conversions API v3, "Using the API", "Parameters", "Verify set-up".

The token goes into a header (Bearer), where the documentation's examples have it in the URL: URLs end up in logs. An answer is of the
whole request, and there is nothing to ask by later. The Signal Readiness API (``adsapi.snapchat.com/v1/pixels/{id}/event_quality_scores``,
the same token) has scores for each event; the fields of its answer could not be confirmed, so it is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.replies import by_status, document, named, text
from rekindle.destinations.snapchat.mapping import EVENT_NAMES, map_event
from rekindle.egress.answers import same
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="snapchat",
    title="Snapchat Conversions API",
    fields=frozenset(
        {
            "page.url", "ecommerce", "client.ip", "client.user_agent", "client.sccid",
            "user.user_id", "user.email", "user.phone", "user.first_name", "user.last_name", "user.gender",
            "user.date_of_birth", "user.city", "user.region", "user.postal_code", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"tr.snapchat.com"}),
    limits=Limits(batch=2000),
    # Snap is not on the IAB vendor list, and its Additional Consent id is not confirmed: name it per account.
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("pixel_id", "the pixel's id, from Events Manager", required=True),
        Setting("validate", "true sends to /events/validate: checked and answered, not recorded"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 2000"),
    ),
    secrets=(Setting("access_token", "the long-lived Conversions API token, from Business Manager", required=True),),
    host_settings=("api_base",),
    unverified="No public page says how many requests a second are taken.",
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    pixel_id: str
    validate: bool = False
    default_region: str | None = None
    api_base: str = "https://tr.snapchat.com"
    batch: int = 2000


class SnapchatAccount(Account):
    """One pixel."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/v3/{settings.pixel_id.strip()}/events{'/validate' if settings.validate else ''}",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
            names=EVENT_NAMES,
        )
        self._region = settings.default_region

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        return self._post({"data": [one.body for one in batch]}, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> SnapchatAccount:
    """Check and return the account. Raises `SettingsError`."""
    return SnapchatAccount(check_settings(manifest, settings, secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Read ``status`` (VALID or INVALID) and ``reason``; which event was bad is not told. Never raises."""
    body = document(answer)
    status = text(body.get("status")).upper()
    words = " ".join(filter(None, (status, text(body.get("reason")), text(body.get("error_records")))))
    if status in ("INVALID", "FAILED") and answer.status < 500 and answer.status not in (401, 403, 404, 429):
        return named(batch_size, (), words)
    if 200 <= answer.status < 300 and body:
        return same("delivered", batch_size)
    return by_status(answer, batch_size, words)
