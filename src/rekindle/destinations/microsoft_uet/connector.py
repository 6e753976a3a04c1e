"""The account. Source: Microsoft Advertising, UET Conversions API guide: ``capi.uet.microsoft.com/v1/{tagId}/events``.

Written choices, because the guide leaves them open: 1,000 events a request, seven days, and the phone number is hashed
with its ``+``. ``continueOnValidationError`` is always set, so that one bad event does not cost the others. Looked for a call
that tells later what became of a request (the guide, other integrations): none is documented; ``traceId`` is kept for support.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.microsoft_uet.mapping import PAGE_TYPES, map_event
from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, masked, same
from rekindle.egress.connector import (
    Answer,
    Disposition,
    Limits,
    Manifest,
    Mapped,
    OutRequest,
    Rejected,
    Setting,
    Verdict,
)
from rekindle.egress.options import check_settings
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

manifest: Final = Manifest(
    name="microsoft_uet",
    title="Microsoft Advertising UET Conversions API",
    fields=frozenset(
        {
            "page", "ecommerce", "client.ip", "client.user_agent", "client.client_id", "client.msclkid",
            "user.user_id", "user.email", "user.phone", "user.country",
        }
    ),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({"capi.uet.microsoft.com"}),
    limits=Limits(batch=1000),
    consent=DestinationConsent(
        consent_mode=["ad_storage", "ad_user_data"], tcf_vendor=1126, tcf_purposes=[1, 3, 4, 7]
    ),
    settings=(
        Setting("tag_id", "the UET tag's number", required=True),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 1000"),
    ),
    secrets=(Setting("access_token", "the tag's Conversions API token, from the account manager", required=True),),
    host_settings=("api_base",),
    unverified="1,000 events a request are as validators quote Microsoft's guide. Integrations differ on the + in hashed numbers. The window of seven days is our choice, and no quota is published.",
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    tag_id: str
    default_region: str | None = None
    api_base: str = "https://capi.uet.microsoft.com"
    batch: int = 1000


class UetAccount(Account):
    """One tag."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/v1/{settings.tag_id}/events",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
            names=PAGE_TYPES,
        )
        self._region = settings.default_region

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._region)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        now_s = now_ms // 1000
        data = [one.body | {"eventTime": min(one.body["eventTime"], now_s)} for one in batch]
        return self._post({"data": data, "continueOnValidationError": True}, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> UetAccount:
    """Check and return the account. Raises `SettingsError`."""
    return UetAccount(check_settings(manifest, settings, secrets, _Settings), secrets)


class _Detail(msgspec.Struct):
    index: int | None = None
    propertyName: str = ""  # noqa: N815
    errorMessage: str = ""  # noqa: N815


class _Error(msgspec.Struct):
    code: str | int = ""
    message: str = ""
    details: list[_Detail] | None = None


class _Body(msgspec.Struct):
    eventsReceived: int | None = None  # noqa: N815
    error: _Error | None = None
    traceId: str = ""  # noqa: N815


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Named events are refused; the others were taken, unless the answer counts fewer of them: then they go again."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except UNREADABLE:
        return by_status(answer, batch_size)
    details = (body.error.details if body.error else None) or []
    if answer.status not in (200, 202, 400) or (body.error is None and body.eventsReceived is None):
        words = masked(body.error.message) if body.error else ""
        return by_status(answer, batch_size, words=words, trace=body.traceId)
    # The value that was tried is in the answer as well; it is never repeated.
    said = "; ".join(f"{detail.propertyName}: {detail.errorMessage}" for detail in details[:3])
    words = masked(said or (body.error.message if body.error else ""))
    bad = {detail.index for detail in details if detail.index is not None and 0 <= detail.index < batch_size}
    if not bad and body.error is not None:
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words, trace=body.traceId)
    received = body.eventsReceived or 0
    rest: Disposition = "delivered" if received >= batch_size - len(bad) and received else "split"
    per_event: tuple[Disposition, ...] = tuple("permanent" if index in bad else rest for index in range(batch_size))
    if batch_size == 1 and rest == "split" and not bad:
        per_event = ("retry",)
    return Verdict(per_event, words=words, trace=body.traceId)
