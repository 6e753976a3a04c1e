"""The account. Source: Standard Webhooks specification 1.0 (id, timestamp and signature headers, secret rotation)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from rekindle.egress.answers import masked, retry_after_ms, same
from rekindle.egress.connector import (
    Answer,
    Limits,
    Manifest,
    Mapped,
    OutRequest,
    Rejected,
    Retry,
    Setting,
    Verdict,
)
from rekindle.egress.options import check_settings
from rekindle.egress.request import account_host, encode
from rekindle.egress.signing import signed_headers, signers
from rekindle.model.clock import parse_rfc3339, rfc3339
from rekindle.model.event import Event
from rekindle.model.outcome import Reason
from rekindle.workspace import DestinationConsent

_OPEN: Final = frozenset({"page", "ecommerce"})
_PERSONAL: Final = frozenset({"client", "user"})
# The receiver is the shop's own and has no window; after this long, an event is news to nobody.
_WINDOW_MS: Final = 7 * 86_400_000

manifest: Final = Manifest(
    name="webhook",
    title="Signed webhook (Standard Webhooks)",
    fields=_OPEN | _PERSONAL,
    purposes=frozenset({"ads_measurement"}),
    hosts=frozenset(),
    # Its receiver is mostly asked for each event alone.
    limits=Limits(batch=1000, concurrency=16),
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data"]),
    settings=(
        Setting("url", "where events are posted; https", required=True),
        Setting("batch", "events a request; 1 sends each alone, more sends {type: events.batch}"),
        Setting("personal", "true adds client and user, in clear; without it they are never sent"),
    ),
    secrets=(
        Setting("secret", "signs every request: whsec_ and base64 of at least 24 bytes", required=True),
        Setting("previous_secret", "signs too, while the receiver moves to the new one"),
    ),
    host_settings=("url",),
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    batch: int = 1
    personal: bool = False


class WebhookAccount:
    """One receiver."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        self._url = settings.url
        self._signers = signers(secrets)
        self.fields = manifest.fields if settings.personal else _OPEN
        self.hosts = frozenset({account_host(manifest.name, "url", settings.url)})
        self.batch = settings.batch

    def maps(self, name: str) -> bool:
        return True

    def map(self, event: Event) -> Mapped | Rejected:
        try:
            time_ms = parse_rfc3339(event.event_time)
        except ValueError:
            return Rejected(Reason.MALFORMED, "event_time is not RFC 3339 with an offset")
        data = msgspec.to_builtins(event, builtin_types=(Decimal,))
        data = {"source": event.source} | {key: value for key, value in data.items() if value not in ({}, None)}
        data.pop("extra", None)
        return Mapped(event.event_id, data, time_ms, time_ms + _WINDOW_MS)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        ids = tuple(one.event_id for one in batch)
        if self.batch == 1:
            message = ids[0]
            body: dict[str, Any] = {"type": batch[0].body["event"], "timestamp": rfc3339(now_ms), "data": batch[0].body}
        else:
            # The same events are the same message, so the receiver can drop what it has seen.
            message = "batch_" + hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]
            events = [one.body for one in batch]
            body = {"type": "events.batch", "timestamp": rfc3339(now_ms), "data": {"events": events}}
        raw = encode(body)
        headers = signed_headers(self._signers, message, now_ms, raw)
        return OutRequest("POST", self._url, headers, raw, ids)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> WebhookAccount:
    """Check and return the account. Raises `SettingsError`."""
    return WebhookAccount(check_settings(manifest, settings, secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """By status alone: a webhook's body has no agreed meaning."""
    status = answer.status
    words = masked(f"HTTP {status}")
    if 200 <= status < 300:
        return same("delivered", batch_size)
    if status in (401, 403, 410) or 300 <= status < 400:
        # Gone, moved or not authorised: the address or the secret must be repaired first.
        return same("hold", batch_size, credential_action="stop", words=words)
    if status in (400, 413, 422):
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words)
    throttled = status == 429 or (status == 503 and "retry-after" in answer.headers)
    return same("retry", batch_size, retry=Retry(retry_after_ms(answer), throttled=throttled), words=words)
