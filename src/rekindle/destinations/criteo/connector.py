"""The account. Source: Criteo server-to-server events, ``widget.criteo.com/m/event?version=s2s_v0``.

The account is known by its partner id in the body: there is no token. Criteo answers HTTP 200 to nearly everything and
tells errors in the body. Written choices: events older than a day are no longer "near real time" and stay here; the
TC, GPP and US Privacy strings go along unaltered under the names Criteo's tag uses. Looked for a call that
tells later what became of an event (Criteo's developer pages and client libraries): none was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from rekindle.destinations.account import Account
from rekindle.destinations.criteo.mapping import EVENT_NAMES, map_event
from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, masked, same
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

_REGIONS: Final = {
    "global": "https://widget.criteo.com",
    "eu": "https://widget.eu.criteo.com",
    "us": "https://widget.us.criteo.com",
    "as": "https://widget.as.criteo.com",
}

manifest: Final = Manifest(
    name="criteo",
    title="Criteo Events API",
    fields=frozenset(
        {
            "page.url", "page.referrer", "ecommerce", "client.ip", "client.user_agent", "client.client_id",
            "client.device_type", "client.criteo_gum_id", "user.email",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset(address.removeprefix("https://") for address in _REGIONS.values()),
    # One visitor a request; how many events it may hold is not documented.
    limits=Limits(batch=20),
    consent=DestinationConsent(
        consent_mode=["ad_storage", "ad_user_data", "ad_personalization"], tcf_vendor=91, tcf_purposes=[1, 3, 4, 7]
    ),
    settings=(
        Setting("partner_id", "the account's number at Criteo", required=True),
        Setting("caller_id", "the caller id that belongs to the GUM ids (mapping key); without it only e-mails match"),
        Setting("region", "global (default), eu, us or as: the regional collection point"),
        Setting("country", "the shop's two-letter country"),
        Setting("language", "the shop's two-letter language"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 20"),
    ),
    host_settings=("api_base",),
    unverified="No public page says how many events a request may hold, how old they may be, or how many requests a second are taken.",
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    partner_id: str
    caller_id: str | None = None
    region: Literal["global", "eu", "us", "as"] = "global"
    country: str | None = None
    language: str | None = None
    api_base: str | None = None
    batch: int = 20


class CriteoAccount(Account):
    """One partner."""

    def __init__(self, settings: _Settings) -> None:
        super().__init__(
            manifest,
            base=settings.api_base or _REGIONS[settings.region],
            path="/m/event?version=s2s_v0",
            headers={},
            batch=settings.batch,
            names=EVENT_NAMES,
        )
        self._caller_id = settings.caller_id
        self._account = {"account": settings.partner_id, "version": "s2s_v1.0.0"}
        if settings.country:
            self._account["country"] = settings.country
        if settings.language:
            self._account["language"] = settings.language

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._caller_id)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        body = self._account | batch[0].body["head"] | {"events": [one.body["event"] for one in batch]}
        return self._post(body, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> CriteoAccount:
    """Check and return the account. Raises `SettingsError`."""
    return CriteoAccount(check_settings(manifest, settings, secrets, _Settings))


class _Body(msgspec.Struct):
    errors: list[Any] = []


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Errors come inside HTTP 200. An empty 2xx is success, as Criteo gives it; a redirect names another region."""
    if 300 <= answer.status < 400:
        words = "Criteo sends this account to another region: set region to eu, us or as"
        return same("hold", batch_size, credential_action="stop", words=words)
    if not 200 <= answer.status < 300:
        return by_status(answer, batch_size)
    if not answer.body.strip():
        return same("delivered", batch_size)
    try:
        errors = msgspec.json.decode(answer.body, type=_Body).errors
    except UNREADABLE:
        return by_status(answer, batch_size)
    if not errors:
        return same("delivered", batch_size)
    words = masked("; ".join(str(error) for error in errors[:3]))
    return same("split" if batch_size > 1 else "permanent", batch_size, words=words)
