"""The list and its answers. Source: Pinterest API v5 (OpenAPI 5.13), `customer_lists/update`.

Records are text with commas between them; only e-mails are known here. Pinterest has no way to limit the use of a
person on a list, so who asked for limited use is not added. An update is worked through later: the list says
``UPLOADING`` or ``PROCESSING`` until it has been. Pinterest says so of the list, not of one update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations import shared
from rekindle.destinations.account import ListAccount, as_text, bearer
from rekindle.destinations.replies import by_status, document, text
from rekindle.egress.answers import masked, same
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Answer, Limits, Manifest, OAuth, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.later import Receipt, Waits
from rekindle.egress.options import check_settings
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.pinterest import PLATFORM
from rekindle.workspace import DestinationConsent

_WORKED_THROUGH: Final = frozenset({"READY", "TOO_SMALL"})
# How long it takes is published nowhere; the first look and the end are our choice.
_WAITS: Final = Waits(first_ms=3_600_000, longest_ms=6 * 3_600_000, deadline_ms=72 * 3_600_000)

manifest: Final = Manifest(
    name="pinterest_audience",
    title="Pinterest customer list",
    kind="audience",
    fields=frozenset({"user.email"}),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"api.pinterest.com"}),
    # No number is published for a request; connectors in use send 10,000. "WRITE: 400 queries per minute" (Ads API v3);
    # the universal limit of v5 is 100 a second for a user of an app.
    limits=Limits(batch=10_000, per_second=6, timeout_ms=30_000),
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("ad_account_id", "the ad account's number, from Ads Manager", required=True),
        Setting("customer_list_id", "the customer list's number, from Audiences", required=True),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a request, at most 10000"),
    ),
    secrets=(Setting("access_token", "a token with the scope ads:write", required=True),),
    host_settings=("api_base",),
    oauth=OAuth(url="https://api.pinterest.com/v5/oauth/token", basic=True),
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    ad_account_id: str
    customer_list_id: str
    api_base: str = "https://api.pinterest.com"
    batch: int = 10_000


class CustomerList(ListAccount):
    """One list."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/v5/ad_accounts/{settings.ad_account_id}/customer_lists/{settings.customer_list_id}",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
        )
        self.waits = _WAITS

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        if refused := self._unlimited(member, operation):
            return refused
        found = shared.hashed(PLATFORM, member.user, {"email": "em"}, None)
        if not found:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail")
        return MappedMember(member.member_id, found["em"])

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        body = {"operation_type": operation.upper(), "records": ",".join(one.body for one in batch)}
        return [self._send("PATCH", body, batch)]

    def status_request(self, ticket: str) -> OutRequest:
        return self._ask(self._url)

    def read_status(self, answer: Answer, ticket: str) -> Receipt:
        body = document(answer)
        state = text(body.get("status"))
        if not 200 <= answer.status < 300 or state not in _WORKED_THROUGH:
            return Receipt("waiting", masked(state or f"HTTP {answer.status}"))
        if body.get("exceptions"):
            return Receipt("partial", masked(f"{state}: {body['exceptions']}"))
        # Too small to be used, but the people are on it.
        return Receipt("delivered", state if state == "TOO_SMALL" else "")


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> CustomerList:
    """Check and return the list. Raises `SettingsError`."""
    given = as_text(settings, "ad_account_id", "customer_list_id")
    return CustomerList(check_settings(manifest, given, secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Read a list that comes back as accepted: who of it has an account is found out later. Never raises."""
    body = document(answer)
    if 200 <= answer.status < 300 and body:
        return same("accepted", batch_size, ticket=text(body.get("id")))
    words_ = text(body.get("message"))
    words_ = f"code {body['code']}: {words_}" if "code" in body else words_
    return by_status(answer, batch_size, words_, unauthorised="refresh")
