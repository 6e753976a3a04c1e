"""The account. Source: Google Ads API v23, ``uploadConversionAdjustments`` and ``uploadClickConversions``.

2,000 uploads a request, always with ``partialFailure``. The ``+suffix`` of a Gmail address is cut, as Google
documents it, unless ``gmail_plus`` is ``keep``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.google import OAUTH, USER_FIELDS
from rekindle.destinations.google_ads_enhanced.mapping import map_adjustment, map_click
from rekindle.destinations.google_ads_enhanced.quality import QUERY, read_quality
from rekindle.egress.connector import Answer, Limits, Manifest, Mapped, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.event import Event
from rekindle.workspace import DestinationConsent

VERSION: Final = "v23"

manifest: Final = Manifest(
    name="google_ads_enhanced",
    title="Google Ads enhanced conversions",
    fields=USER_FIELDS | {"ecommerce", "client.gclid", "client.gbraid", "client.wbraid", "client.user_agent"},
    purposes=frozenset({"ads_measurement"}),
    hosts=frozenset({"googleads.googleapis.com"}),
    limits=Limits(batch=2000),
    consent=DestinationConsent(
        consent_mode=["ad_storage", "ad_user_data"], tcf_vendor=755, tcf_purposes=[1, 7, 9, 10]
    ),
    settings=(
        Setting("customer_id", "the Google Ads account's number", required=True),
        Setting("conversion_action", "the conversion action's number", required=True),
        Setting("upload", "enhancement (default) adds identifiers to what the tag recorded; click records it"),
        Setting("events", "GA4 names that are this conversion; purchase and refund by default"),
        Setting("login_customer_id", "the manager account's number, when the token belongs to one"),
        Setting("gmail_plus", "cut (default) or keep the +suffix of Gmail addresses before hashing"),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("validate_only", "true lets Google check the uploads and record nothing"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "uploads a request, at most 2000"),
    ),
    secrets=(
        Setting("access_token", "OAuth token with the scope auth/adwords", required=True),
        Setting("developer_token", "the manager account's developer token", required=True),
    ),
    oauth=OAUTH,
    host_settings=("api_base",),
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    customer_id: str
    conversion_action: str
    upload: Literal["enhancement", "click"] = "enhancement"
    events: list[str] = msgspec.field(default_factory=lambda: ["purchase", "refund"])
    login_customer_id: str | None = None
    gmail_plus: Literal["cut", "keep"] = "cut"
    default_region: str | None = None
    validate_only: bool = False
    api_base: str = "https://googleads.googleapis.com"
    batch: int = 2000


class GoogleAdsAccount(Account):
    """One conversion action."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        verb = "uploadConversionAdjustments" if settings.upload == "enhancement" else "uploadClickConversions"
        manager = {"login-customer-id": settings.login_customer_id} if settings.login_customer_id else {}
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/{VERSION}/customers/{settings.customer_id}:{verb}",
            headers=bearer(secrets["access_token"]) | {"developer-token": secrets["developer_token"]} | manager,
            batch=settings.batch,
            names=settings.events,
        )
        self._settings = settings
        self._search = f"{settings.api_base.rstrip('/')}/{VERSION}/customers/{settings.customer_id}/googleAds:search"
        self._action = f"customers/{settings.customer_id}/conversionActions/{settings.conversion_action}"

    def map(self, event: Event) -> Mapped | Rejected:
        settings = self._settings
        mapper = map_adjustment if settings.upload == "enhancement" else map_click
        return mapper(event, self._action, settings.default_region, settings.gmail_plus)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        name = "conversionAdjustments" if self._settings.upload == "enhancement" else "conversions"
        body = {
            name: [one.body for one in batch],
            "partialFailure": True,
            "validateOnly": self._settings.validate_only,
        }
        return self._post(body, batch)

    def quality_request(self) -> OutRequest:
        return OutRequest("POST", self._search, self._headers, msgspec.json.encode({"query": QUERY}), ())

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        return read_quality(answer)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> GoogleAdsAccount:
    """Check and return the account. Raises `SettingsError`."""
    given = dict(settings)
    for name in ("customer_id", "conversion_action", "login_customer_id"):
        if isinstance(given.get(name), str | int) and not isinstance(given[name], bool):
            given[name] = str(given[name]).replace("-", "")
    return GoogleAdsAccount(check_settings(manifest, given, secrets, _Settings), secrets)
