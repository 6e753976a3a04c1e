"""The list. Source: Campaign Management API v13, ``CustomerListUserData/Apply``, "Handle service errors".

The list must exist, and its terms be accepted in the console. 1,000 people a request is our choice: the documents name
no limit for this call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import ListAccount, as_text, bearer
from rekindle.destinations.replies import by_status
from rekindle.destinations.shared import context, identifier
from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import (
    Answer,
    Disposition,
    Limits,
    Manifest,
    OAuth,
    OutRequest,
    Rejected,
    Retry,
    Setting,
    Verdict,
)
from rekindle.egress.options import check_settings
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.microsoft import PLATFORM
from rekindle.workspace import DestinationConsent

# 105 InvalidCredentials, 109 AuthenticationTokenExpired: a new token helps. 106 UserIsNotAuthorized: only a person.
_EXPIRED: Final = frozenset({105, 109})
_NO_RIGHT: Final = frozenset({106, 120})
_TERMS: Final = "CustomerListTermsAndConditionsNotAccepted"
# 117 CallRateExceeded, 207 ConcurrentRequestOverLimit.
_THROTTLED: Final = frozenset({117, 207})

manifest: Final = Manifest(
    name="microsoft_audience",
    title="Microsoft Advertising customer list",
    kind="audience",
    fields=frozenset({"user.email"}),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"campaign.api.bingads.microsoft.com"}),
    limits=Limits(batch=1000),
    consent=DestinationConsent(
        consent_mode=["ad_user_data", "ad_personalization"], tcf_vendor=1126, tcf_purposes=[1, 3, 4]
    ),
    settings=(
        Setting("customer_id", "the customer's number", required=True),
        Setting("account_id", "the account's number (CustomerAccountId)", required=True),
        Setting("audience_id", "the customer list's number", required=True),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a request, at most 1000"),
    ),
    secrets=(
        Setting("access_token", "OAuth token with the scope msads.manage", required=True),
        Setting("developer_token", "the developer token of the API app", required=True),
    ),
    oauth=OAuth(
        url="https://login.microsoftonline.com/common/oauth2/v2.0/token",
        scope="https://ads.microsoft.com/msads.manage offline_access",
    ),
    host_settings=("api_base",),
    unverified="No public page says how many people a request may hold, or how many requests a second are taken.",
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    customer_id: str
    account_id: str
    audience_id: str
    api_base: str = "https://campaign.api.bingads.microsoft.com"
    batch: int = 1000


class CustomerList(ListAccount):
    """One customer list."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        who = {
            "developertoken": secrets["developer_token"],
            "customerid": settings.customer_id,
            "customeraccountid": settings.account_id,
        }
        super().__init__(
            manifest,
            base=settings.api_base,
            path="/CampaignManagement/v13/CustomerListUserData/Apply",
            headers=bearer(secrets["access_token"]) | who,
            batch=settings.batch,
        )
        self._audience = settings.audience_id

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        digest = identifier(PLATFORM, member.user, "email", context(member.user, None))
        if not digest:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail")
        if refused := self._unlimited(member, operation):
            return refused
        return MappedMember(member.member_id, digest)

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        data = {
            "ActionType": "Add" if operation == "add" else "Remove",
            "AudienceId": self._audience,
            "CustomerListItemSubType": "Email",
            "CustomerListItems": [one.body for one in batch],
        }
        return [self._send("POST", {"CustomerListUserData": data}, batch)]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> CustomerList:
    """Check and return the account. Raises `SettingsError`."""
    given = as_text(settings, "customer_id", "account_id", "audience_id")
    return CustomerList(check_settings(manifest, given, secrets, _Settings), secrets)


class _Error(msgspec.Struct):
    Code: int | str = 0
    ErrorCode: str = ""
    Message: str = ""
    Index: int | None = None


class _Body(msgspec.Struct):
    PartialErrors: list[_Error] | None = None
    Errors: list[_Error] | None = None
    OperationErrors: list[_Error] | None = None
    TrackingId: str = ""


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Partial errors name people by index; a fault of the whole call has codes, whatever its HTTP status."""
    try:
        body = msgspec.json.decode(answer.body or b"{}", type=_Body)
    except UNREADABLE:
        return by_status(answer, batch_size, unauthorised="refresh")
    faults = [*(body.Errors or ()), *(body.OperationErrors or ())]
    listed = faults or body.PartialErrors or []
    words = masked("; ".join(f"{error.ErrorCode} ({error.Code}): {error.Message}" for error in listed[:3]))
    codes = {int(error.Code) for error in faults if str(error.Code).isascii() and str(error.Code).isdigit()}
    trace = body.TrackingId
    if codes & _EXPIRED:
        return same("hold", batch_size, credential_action="refresh", words=words, trace=trace)
    if codes & _NO_RIGHT or any(error.ErrorCode == _TERMS for error in faults):
        return same("hold", batch_size, credential_action="stop", words=words, trace=trace)
    if codes & _THROTTLED:
        throttled = Retry(retry_after_ms(answer), throttled=True)
        return same("retry", batch_size, retry=throttled, words=words, trace=trace)
    if not 200 <= answer.status < 300:
        return by_status(answer, batch_size, words=words, trace=trace, unauthorised="refresh")
    if faults:
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words, trace=trace)
    if not answer.body.strip():
        return by_status(answer, batch_size)
    bad = {error.Index for error in body.PartialErrors or ()}
    if bad - set(range(batch_size)):
        # An error that names nobody of this batch: part it until it does.
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words, trace=trace)
    per_event: tuple[Disposition, ...] = tuple(
        "permanent" if index in bad else "delivered" for index in range(batch_size)
    )
    return Verdict(per_event, words=words, trace=trace)
