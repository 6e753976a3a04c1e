"""The account and its answers. Source: OpenAI Ads, "Conversions API": 1,000 events, refused whole for a single bad one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.openai.mapping import EVENT_TYPES, IDENTIFIERS, map_event
from rekindle.destinations.replies import by_status, document, named, text
from rekindle.egress.answers import same
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="openai",
    title="OpenAI Ads Conversions API",
    fields=frozenset(
        {
            "page.url", "ecommerce", "client.ip", "client.user_agent", "user.user_id", "user.email", "user.phone",
            "user.first_name", "user.last_name", "user.city", "user.region", "user.postal_code", "user.country",
            "user.external",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"bzr.openai.com"}),
    # "Up to 1,000 events"; "no more than 10 minutes ahead".
    limits=Limits(batch=1000, future_ms=600_000),
    # OpenAI is not on the IAB vendor list: personal ads are asked for by consent mode.
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("pixel_id", "the pixel's id, from Conversions in Ads Manager", required=True),
        Setting("validate", "true has the events checked and answered, not recorded"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 1000"),
    ),
    secrets=(Setting("api_key", "the Conversions API key, from Conversions in Ads Manager", required=True),),
    host_settings=("api_base",),
    unverified="OpenAI publishes no quota, and not the words of its answers: a bad event that they do not name is found by halving.",
    identifiers=IDENTIFIERS,
)  # fmt: skip
_PLACE: Final = re.compile(r"events(?:\[|\.)(\d{1,3})\b", re.ASCII)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    pixel_id: str
    validate: bool = False
    default_region: str | None = None
    api_base: str = "https://bzr.openai.com"
    batch: int = 1000


class OpenAIAccount(Account):
    """One pixel."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/v1/events?pid={quote(settings.pixel_id.strip(), safe='')}",
            headers=bearer(secrets["api_key"]),
            batch=settings.batch,
            names=EVENT_TYPES,
        )
        self._settings = settings

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._settings.default_region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        return self._post({"validate_only": self._settings.validate, "events": [one.body for one in batch]}, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> OpenAIAccount:
    """Check and return the account. Raises `SettingsError`."""
    return OpenAIAccount(check_settings(manifest, settings, secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Read ``error`` (``message``, ``param``), which may name the place of a bad event. Never raises."""
    body = document(answer)
    if 200 <= answer.status < 300 and body:
        return same("delivered", batch_size)
    told = body.get("error", body.get("errors"))
    parts = told if isinstance(told, list) else [told]
    words = " ".join(filter(None, (_words(part) for part in parts))) or text(body.get("message"))
    if answer.status in (400, 422):
        places = {int(place) for place in _PLACE.findall(words)}
        return named(batch_size, {place for place in places if place < batch_size}, words)
    return by_status(answer, batch_size, words)


def _words(part: Any) -> str:
    if not isinstance(part, dict):
        return text(part)
    return ": ".join(filter(None, (text(part.get("param")), text(part.get("message")))))
