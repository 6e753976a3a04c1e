"""The account. Source: Data Manager API v1, ``events:ingest`` and "Limits" (2,000 events a request, 300 a minute).

One account sends to one destination, so that what becomes of an event there is one outcome. An ingest request is only
taken: its ``requestId`` is the trace, by which `status` reads what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import Account, bearer
from rekindle.destinations.google import OAUTH, USER_FIELDS, refusal
from rekindle.destinations.google_data_manager.mapping import map_event
from rekindle.destinations.google_data_manager.status import AsksStatus
from rekindle.destinations.replies import by_status
from rekindle.egress.answers import UNREADABLE, same
from rekindle.egress.connector import (
    Answer,
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

# Events that can be a conversion; the destination's conversion action says which one it is.
_DEFAULT_EVENTS: Final = ("purchase", "generate_lead", "sign_up")

ACCOUNT_SETTINGS: Final = (
    Setting("operating_account", "the account that receives the data: its number, without dashes", required=True),
    Setting("account_type", "GOOGLE_ADS (default), GOOGLE_ANALYTICS_PROPERTY, DISPLAY_VIDEO_ADVERTISER, …"),
    Setting("login_account", "the manager account or partner the token belongs to, when it is another"),
    Setting("login_account_type", "the kind of that account; GOOGLE_ADS by default"),
    Setting("validate_only", "true lets Google check the requests and store nothing"),
    Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
    Setting("api_base", "another address of the API, for a proxy or the sandbox"),
)
TOKEN: Final = Setting("access_token", "OAuth token with the scope auth/datamanager", required=True)
HOST: Final = "datamanager.googleapis.com"
# "300 requests per minute" for each Google Cloud project.
PER_SECOND: Final = 5.0

manifest: Final = Manifest(
    name="google_data_manager",
    title="Google Data Manager (events)",
    fields=USER_FIELDS
    | {"ecommerce", "client.gclid", "client.gbraid", "client.wbraid", "client.user_agent", "client.ip"},
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset({HOST}),
    limits=Limits(batch=2000, per_second=PER_SECOND),
    consent=DestinationConsent(
        consent_mode=["ad_storage", "ad_user_data"], tcf_vendor=755, tcf_purposes=[1, 7, 9, 10]
    ),
    settings=(
        *ACCOUNT_SETTINGS,
        Setting("conversion_action", "the conversion action's number (productDestinationId)", required=True),
        Setting("events", f"GA4 names that are this conversion; {', '.join(_DEFAULT_EVENTS)} by default"),
        Setting("merchant_id", "the Merchant Center account that holds the items, for cart data"),
        Setting("feed_label", "the Merchant Center feed label of the items"),
        Setting("feed_language", "the two-letter language of that feed"),
        Setting("batch", "events a request, at most 2000"),
    ),
    secrets=(TOKEN,),
    oauth=OAUTH,
    host_settings=("api_base",),
)  # fmt: skip


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where data goes at Google; events and audiences share it."""

    operating_account: str
    account_type: str = "GOOGLE_ADS"
    login_account: str | None = None
    login_account_type: str = "GOOGLE_ADS"
    validate_only: bool = False
    default_region: str | None = None
    api_base: str = f"https://{HOST}"

    def destination(self, product: str) -> dict[str, Any]:
        """Return the request's destination; ``product`` is the conversion action or the audience."""
        found: dict[str, Any] = {
            "operatingAccount": {"accountType": self.account_type, "accountId": self.operating_account},
            "productDestinationId": product,
        }
        if self.login_account:
            found["loginAccount"] = {"accountType": self.login_account_type, "accountId": self.login_account}
        return found


def numbers(settings: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return settings with account numbers as text without dashes."""
    found = dict(settings)
    for name in names:
        if name in found and not isinstance(found[name], bool) and isinstance(found[name], str | int):
            found[name] = str(found[name]).replace("-", "")
    return found


class _Settings(AccountSettings, frozen=True, kw_only=True):
    conversion_action: str
    events: list[str] = msgspec.field(default_factory=lambda: list(_DEFAULT_EVENTS))
    merchant_id: str | None = None
    feed_label: str | None = None
    feed_language: str | None = None
    batch: int = 2000


class DataManagerAccount(Account, AsksStatus):
    """One conversion action."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path="/v1/events:ingest",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
            names=settings.events,
        )
        AsksStatus.__init__(self, settings.api_base, secrets["access_token"], validate_only=settings.validate_only)
        self._settings = settings
        cart = {
            "merchantId": settings.merchant_id,
            "merchantFeedLabel": settings.feed_label,
            "merchantFeedLanguageCode": settings.feed_language,
        }
        self._cart = {name: text for name, text in cart.items() if text}

    def map(self, event: Event) -> Mapped | Rejected:
        return map_event(event, self._settings.default_region, cart=self._cart)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        body = {
            "destinations": [self._settings.destination(self._settings.conversion_action)],
            "events": [one.body for one in batch],
            "encoding": "HEX",
            "validateOnly": self._settings.validate_only,
        }
        return self._post(body, batch)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> DataManagerAccount:
    """Check and return the account. Raises `SettingsError`."""
    given = numbers(settings, "operating_account", "login_account", "conversion_action", "merchant_id")
    return DataManagerAccount(check_settings(manifest, given, secrets, _Settings), secrets)


class _Taken(msgspec.Struct):
    requestId: str = ""  # noqa: N815


def classify(answer: Answer, batch_size: int) -> Verdict:
    """2xx with a ``requestId`` is ``accepted``: Google decides later. Never raises."""
    if not 200 <= answer.status < 300:
        return refusal(answer, batch_size)
    try:
        taken = msgspec.json.decode(answer.body, type=_Taken)
    except UNREADABLE:
        return by_status(answer, batch_size)
    if not taken.requestId:
        return by_status(answer, batch_size)
    return same("accepted", batch_size, trace=taken.requestId, ticket=taken.requestId)
