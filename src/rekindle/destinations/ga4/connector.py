"""The account. Source: Measurement Protocol (GA4), "Protocol reference", "Validate events", EU collection endpoint.

Facts without an official word: none is published on rates; the EU host is the one Google's own tag uses.
The API takes its secret in the query only, so the URL of a request is as secret as a header: it is never logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec

from rekindle.destinations.ga4.mapping import accepts, map_event
from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, masked, same
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.options import check_settings
from rekindle.egress.request import account_host, encode
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

_HOSTS: Final = {"global": "https://www.google-analytics.com", "eu": "https://region1.google-analytics.com"}

manifest: Final = Manifest(
    name="ga4",
    title="Google Analytics 4 (Measurement Protocol)",
    fields=frozenset(
        {
            "page", "ecommerce", "client.client_id", "user.user_id", "user.email", "user.phone", "user.first_name",
            "user.last_name", "user.postal_code", "user.country",
        }
    ),
    purposes=frozenset({"analytics", "ads_measurement", "ads_personalization"}),
    hosts=frozenset({"www.google-analytics.com", "region1.google-analytics.com"}),
    # "A maximum of 25 events per request"; backdating 72 hours; no more than 15 minutes ahead (as forwarders hold it).
    limits=Limits(batch=25, future_ms=900_000),
    consent=DestinationConsent(
        consent_mode=["analytics_storage", "ad_user_data"], tcf_vendor=755, tcf_purposes=[1, 7, 9, 10]
    ),
    settings=(
        Setting("measurement_id", "the web stream's id, such as G-AB12CD34EF", required=True),
        Setting("region", "eu sends to the collection point in the EU; global (default) lets Google choose"),
        Setting("user_provided_data", "true adds hashed e-mail and phone where there is a user id; switch it on in GA4"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("debug", "true shows the events in DebugView"),
        Setting("validate_only", "true sends to the validation server, which answers and records nothing"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "events a request, at most 25"),
    ),
    secrets=(Setting("api_secret", "made in the stream's settings: Measurement Protocol API secrets", required=True),),
    host_settings=("api_base",),
    unverified="No quota is published; 15 minutes ahead is what forwarders hold.",
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    measurement_id: str
    region: Literal["global", "eu"] = "global"
    user_provided_data: bool = False
    default_region: str | None = None
    debug: bool = False
    validate_only: bool = False
    api_base: str | None = None
    batch: int = 25


class Ga4Account:
    """One web stream. A request holds events of one visitor."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        self._settings = settings
        base = settings.api_base or _HOSTS[settings.region]
        query = urlencode({"measurement_id": settings.measurement_id, "api_secret": secrets["api_secret"]})
        self._url = f"{base.rstrip('/')}{'/debug' if settings.validate_only else ''}/mp/collect?{query}"
        personal = manifest.fields - {"user.email", "user.phone", "user.first_name", "user.last_name",
                                      "user.postal_code", "user.country"}  # fmt: skip
        self.fields = manifest.fields if settings.user_provided_data else personal
        self.hosts = frozenset({account_host(manifest.name, "api_base", base)})
        self.batch = settings.batch

    def maps(self, name: str) -> bool:
        return accepts(name)

    def map(self, event: Event) -> Mapped | Rejected:
        settings = self._settings
        return map_event(
            event, settings.default_region, user_data=settings.user_provided_data, debug=settings.debug
        )  # fmt: skip

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        now_micros = now_ms * 1000
        events = [one.body["event"] for one in batch]
        events = [each | {"timestamp_micros": min(each["timestamp_micros"], now_micros)} for each in events]
        # The request's own time is what counts for a server that reads no times of events.
        body = batch[0].body["head"] | {"timestamp_micros": events[0]["timestamp_micros"], "events": events}
        headers = {"content-type": "application/json"}
        return OutRequest("POST", self._url, headers, encode(body), tuple(one.event_id for one in batch))


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Ga4Account:
    """Check and return the account. Raises `SettingsError`."""
    return Ga4Account(check_settings(manifest, settings, secrets, _Settings), secrets)


class _Message(msgspec.Struct):
    description: str = ""
    validationCode: str = ""  # noqa: N815


class _Validation(msgspec.Struct):
    validationMessages: list[_Message] | None = None  # noqa: N815


def classify(answer: Answer, batch_size: int) -> Verdict:
    """2xx says only that it arrived: GA4 never tells what it drops, so the verdict is ``accepted``.

    The validation server answers with messages, which refuse the whole request.
    """
    if not 200 <= answer.status < 300:
        return by_status(answer, batch_size)
    try:
        messages = msgspec.json.decode(answer.body or b"{}", type=_Validation).validationMessages
    except UNREADABLE:
        messages = None
    if messages:
        words = masked("; ".join(f"{each.validationCode}: {each.description}" for each in messages))
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words)
    return same("accepted", batch_size)
