"""The list. Source: Criteo API 2026-07, ``audience-segments/{id}/contact-list`` (ContactlistAmendment).

One kind of identifier a request: who has an e-mail address and a GUM id is in two. E-mails go as SHA-256 of the
trimmed, lower-case address and never in clear. 50,000 identifiers a request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations.account import ListAccount, as_text, bearer
from rekindle.destinations.replies import by_status, document
from rekindle.destinations.shared import present
from rekindle.egress.answers import UNREADABLE, masked, same
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import (
    Answer,
    Limits,
    Manifest,
    OAuth,
    OutRequest,
    Rejected,
    Setting,
    SettingsError,
    Verdict,
)
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.criteo import PLATFORM
from rekindle.workspace import DestinationConsent

VERSION: Final = "2026-07"

manifest: Final = Manifest(
    name="criteo_audience",
    title="Criteo contact list",
    kind="audience",
    fields=frozenset({"user.email", "client.criteo_gum_id"}),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"api.criteo.com"}),
    # "250 calls per minute" for an application with client credentials (Criteo API, "Rate limits").
    limits=Limits(batch=50_000, per_second=4),
    consent=DestinationConsent(
        consent_mode=["ad_user_data", "ad_personalization"], tcf_vendor=91, tcf_purposes=[1, 3, 4]
    ),
    settings=(
        Setting("audience_id", "the contact list's audience segment, a number", required=True),
        Setting("gum_caller_id", "the number that belongs to the GUM ids; without it only e-mails are sent"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a request, at most 50000"),
    ),
    secrets=(Setting("access_token", "OAuth token of the API app (client credentials)", required=True),),
    # A token lives 15 minutes.
    oauth=OAuth(url="https://api.criteo.com/oauth2/token", grant="client_credentials", life_s=900),
    host_settings=("api_base",),
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    audience_id: str
    gum_caller_id: int | None = None
    api_base: str = "https://api.criteo.com"
    batch: int = 50_000


class CriteoList(ListAccount):
    """One contact list."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/{VERSION}/marketing-solutions/audience-segments/{settings.audience_id}/contact-list",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
        )
        self._gum_caller_id = settings.gum_caller_id
        if settings.gum_caller_id is None:
            self.fields = frozenset({"user.email"})

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        gum = member.client.criteo_gum_id if self._gum_caller_id is not None else None
        found = present(email=PLATFORM.digest("email", member.user.email or ""), gum=gum)
        if not found:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail and no GUM id (with the setting gum_caller_id)")
        if refused := self._unlimited(member, operation):
            return refused
        return MappedMember(member.member_id, found)

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        requests = []
        for kind in ("email", "gum"):
            of_kind = [one for one in batch if kind in one.body]
            if not of_kind:
                continue
            attributes: dict[str, Any] = {
                "operation": operation,
                "identifierType": kind,
                "identifiers": [one.body[kind] for one in of_kind],
            }
            if kind == "gum":
                attributes["gumCallerId"] = self._gum_caller_id
            body = {"data": {"type": "ContactlistAmendment", "attributes": attributes}}
            requests.append(self._send("PATCH", body, of_kind))
        return requests

    def quality_request(self) -> OutRequest:
        return self._ask(f"{self._url}/statistics")

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        """Source: ``contact-list/statistics``, numberOfIdentifiers and numberOfMatches."""
        data = document(answer).get("data")
        told = data.get("attributes") if isinstance(data, dict) else None
        known, matched = (
            (told.get("numberOfIdentifiers"), told.get("numberOfMatches")) if isinstance(told, dict) else (None, None)
        )
        if not 200 <= answer.status < 300 or not isinstance(known, int) or not isinstance(matched, int):
            return masked(f"HTTP {answer.status} without statistics")
        rate = [Score("match-rate", "", round(100 * matched / known, 1), "percent")] if known else []
        return [Score("matched", "", matched, "people"), *rate]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> CriteoList:
    """Check and return the account. Raises `SettingsError`."""
    checked = check_settings(manifest, as_text(settings, "audience_id"), secrets, _Settings)
    if "/" in checked.audience_id:
        raise SettingsError(f"{manifest.name}: audience_id must be the segment's number")
    return CriteoList(checked, secrets)


class _Attributes(msgspec.Struct):
    nbValidIdentifiers: int | None = None  # noqa: N815
    nbInvalidIdentifiers: int = 0  # noqa: N815


class _Data(msgspec.Struct):
    attributes: _Attributes = msgspec.field(default_factory=_Attributes)


class _Error(msgspec.Struct):
    code: str = ""
    title: str | None = None
    detail: str | None = None
    traceId: str | None = None  # noqa: N815


class _Body(msgspec.Struct):
    data: _Data | None = None
    errors: list[_Error] = []


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Invalid identifiers are counted, not named: the batch is parted, which repeats nothing, until the bad is alone."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body, strict=False)
    except UNREADABLE:
        return by_status(answer, batch_size, unauthorised="refresh")
    first = body.errors[0] if body.errors else _Error()
    words = masked(f"{first.code}: {first.detail or first.title or ''}") if body.errors else ""
    trace = first.traceId or ""
    if answer.status == 404:
        # The list is not there; nobody can be put on it.
        return same("permanent", batch_size, words=words, trace=trace)
    if not 200 <= answer.status < 300:
        return by_status(answer, batch_size, words=words, trace=trace, unauthorised="refresh")
    if body.errors or (body.data is not None and body.data.attributes.nbInvalidIdentifiers):
        return same("split" if batch_size > 1 else "permanent", batch_size, words=words or "an identifier is invalid")
    return same("delivered", batch_size) if body.data is not None else by_status(answer, batch_size)
