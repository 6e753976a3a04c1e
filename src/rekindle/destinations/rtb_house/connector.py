"""The account, its mapping and its answers. RTB House publishes no specification of its server interface.

Known from integrations: an HTTPS POST to a ``creativecdn.com`` host, authorised by a public key (pkey), with the
client's tagging hash, the visitor's RTB House cookie, and for each kind of event its product ids, order id and value.
The names of events and fields are those of RTB House's own browser tag (``th``, ``tags``, ``eventType``, ``offerId``).
The address, and how the key is carried, come with the contract and are settings here, not guesses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from rekindle.destinations import shared
from rekindle.destinations.replies import by_status
from rekindle.egress.answers import same
from rekindle.egress.connector import (
    Answer,
    Limits,
    Manifest,
    Mapped,
    OutRequest,
    Rejected,
    Setting,
    SettingsError,
    Verdict,
)
from rekindle.egress.options import check_settings
from rekindle.egress.request import account_host, encode
from rekindle.model.event import Event
from rekindle.model.outcome import Reason
from rekindle.workspace import DestinationConsent

# By the tag's event: whether it names one product, several, or none.
_EVENTS: Final[dict[str, tuple[str, Literal["one", "many", "none"]]]] = {
    "page_view": ("home", "none"),
    "view_item": ("offer", "one"),
    "view_item_list": ("listing", "many"),
    "search": ("listing", "many"),
    "view_search_results": ("listing", "many"),
    "add_to_cart": ("basketadd", "one"),
    "add_to_wishlist": ("wishlist", "one"),
    "view_cart": ("basketstatus", "many"),
    "begin_checkout": ("startorder", "none"),
    "purchase": ("conversion", "many"),
}
# Profiles are kept in real time; a day-old visit is news to nobody.
_WINDOW_MS: Final = shared.DAY_MS

manifest: Final = Manifest(
    name="rtb_house",
    title="RTB House (by contract, unverified)",
    fields=frozenset({"ecommerce", "user.external"}),
    purposes=frozenset({"ads_measurement", "ads_personalization"}),
    hosts=frozenset(),
    limits=Limits(batch=1),
    consent=DestinationConsent(
        consent_mode=["ad_storage", "ad_user_data", "ad_personalization"],
        tcf_vendor=16,
        tcf_purposes=[1, 2, 3, 4, 7, 9, 10],
    ),
    settings=(
        Setting("url", "the address RTB House gives you, on a creativecdn.com host", required=True),
        Setting("tagging_hash", "the client's tagging hash, from RTB House", required=True),
        Setting("pkey_header", "the header that carries the key, as your contract says", required=True),
        Setting("cookie", "the name under which the visitor's RTB House id is in user.external; rtb_house unless told"),
    ),
    secrets=(Setting("pkey", "the advertiser's key, from RTB House", required=True),),
    host_settings=("url",),
    unverified="RTB House publishes no specification: compare the requests of a preview with your contract before use.",
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    tagging_hash: str
    pkey_header: str
    cookie: str = "rtb_house"


class RtbHouseAccount:
    """One advertiser."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        self._url = settings.url
        self._hash = settings.tagging_hash
        self._cookie = settings.cookie
        self._headers = {"content-type": "application/json", settings.pkey_header.lower(): secrets["pkey"]}
        host = account_host(manifest.name, "url", settings.url)
        name = urlsplit(settings.url).hostname or ""
        if not name.endswith(".creativecdn.com") and name not in ("127.0.0.1", "localhost", "::1"):
            raise SettingsError("rtb_house: url must be on a creativecdn.com host, or on this machine for a try")
        self.fields = manifest.fields
        self.hosts = frozenset({host})
        self.batch = 1

    def maps(self, name: str) -> bool:
        return name in _EVENTS

    def map(self, event: Event) -> Mapped | Rejected:
        time_ms = shared.event_time_ms(event)
        if isinstance(time_ms, Rejected):
            return time_ms
        if refused := shared.app_missing(event, "a website (the tagging hash and the visitor's cookie are of one)"):
            return refused
        if shared.limited(event):
            return Rejected("limited-use", "RTB House documents no limited use; the event stays here")
        visitor = (event.user.external or {}).get(self._cookie, "").strip()
        if not visitor:
            return Rejected(Reason.NO_MATCH_KEY, f"no user.external.{self._cookie}")
        kind, wants = _EVENTS[event.event]
        ids = [str(item.item_id) for item in shared.items(event.ecommerce)]
        if wants != "none" and not ids:
            return Rejected(Reason.MISSING_FIELD, "ecommerce.items (RTB House wants the products of this event)")
        tag: dict[str, Any] = {"eventType": kind}
        if wants == "one":
            tag["offerId"] = ids[0]
        elif wants == "many":
            tag["offerIds"] = ids
        if kind == "conversion":
            money = shared.money(event.ecommerce)
            if not event.ecommerce.transaction_id or money is None:
                return Rejected(Reason.MISSING_FIELD, "ecommerce.transaction_id, value and currency (for conversions)")
            tag["conversionId"] = event.ecommerce.transaction_id
            tag["conversionValue"] = shared.plain(money[0])
        body = {"th": self._hash, "tags": [tag, {"eventType": "uid", "id": visitor}]}
        return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        return OutRequest("POST", self._url, self._headers, encode(batch[0].body), (batch[0].event_id,))


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> RtbHouseAccount:
    """Check and return the account. Raises `SettingsError`."""
    return RtbHouseAccount(check_settings(manifest, settings, secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """By status alone: what the answers say is not published."""
    return same("delivered", batch_size) if 200 <= answer.status < 300 else by_status(answer, batch_size)
