"""The segment. Source: LinkedIn Marketing API, "DMP segment users" (batch create). Answers are read as for events.

Only hashed e-mails are sent: names would go in clear. LinkedIn has no way to limit the use of a person on a list, so
who asked for limited use is not added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations import shared
from rekindle.destinations.account import ListAccount, as_text, bearer
from rekindle.destinations.linkedin.connector import batch_create
from rekindle.destinations.replies import document, text
from rekindle.egress.answers import masked
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Answer, Limits, Manifest, OAuth, OutRequest, Rejected, Setting
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.linkedin import PLATFORM
from rekindle.workspace import DestinationConsent

VERSION: Final = "202603"

manifest: Final = Manifest(
    name="linkedin_audience",
    title="LinkedIn matched audience",
    kind="audience",
    fields=frozenset({"user.email"}),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"api.linkedin.com"}),
    # 600 requests a minute; 5,000 people a request are in use.
    limits=Limits(batch=5000, per_second=10, timeout_ms=30_000),
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"], tcf_vendor=804),
    settings=(
        Setting("segment_id", "the DMP segment's number", required=True),
        Setting("version", f"the API's version, {VERSION} unless told"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a request, at most 5000"),
    ),
    secrets=(Setting("access_token", "a member's token with the permission rw_dmp_segments", required=True),),
    host_settings=("api_base",),
    oauth=OAuth(url="https://www.linkedin.com/oauth/v2/accessToken", life_s=5_184_000),
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    segment_id: str
    version: str = VERSION
    api_base: str = "https://api.linkedin.com"
    batch: int = 5000


class DmpSegment(ListAccount):
    """One segment."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/rest/dmpSegments/{settings.segment_id}/users",
            headers=bearer(secrets["access_token"]) | batch_create(settings.version),
            batch=settings.batch,
        )

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        if refused := self._unlimited(member, operation):
            return refused
        found = shared.hashed(PLATFORM, member.user, {"email": "SHA256_EMAIL"}, None)
        if not found:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail")
        ids = [{"idType": kind, "idValue": value} for kind, value in found.items()]
        return MappedMember(member.member_id, ids)

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        elements = [{"action": operation.upper(), "userIds": one.body} for one in batch]
        return [self._send("POST", {"elements": elements}, batch)]

    def quality_request(self) -> OutRequest:
        asked = self._ask(self._url.removesuffix("/users"))
        headers = {name: value for name, value in asked.headers.items() if name != "x-restli-method"}
        return msgspec.structs.replace(asked, headers=headers)

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        """Source: "DMP segments", inputCount; "Segment destinations", status, matchedCount (of seven days), audienceSize."""
        body = document(answer)
        listed = body.get("destinations")
        if not 200 <= answer.status < 300 or not isinstance(listed, list):
            return masked(f"HTTP {answer.status}: {text(body.get('message'))}")
        told = next((each for each in listed if isinstance(each, dict)), {})
        status, matched, given = text(told.get("status")), told.get("matchedCount"), body.get("inputCount")
        found: list[Score] = []
        if type(size := told.get("audienceSize")) is int:
            found.append(Score("audience-size", "", size, "people", masked(status.lower())))
        if type(matched) is int:
            found.append(Score("matched", "", matched, "people"))
            if type(given) is int and given > 0:
                found.append(Score("match-rate", "", round(100 * matched / given, 1), "percent"))
        return found or masked(f"no score yet: {status.lower()}")


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> DmpSegment:
    """Check and return the segment. Raises `SettingsError`."""
    return DmpSegment(check_settings(manifest, as_text(settings, "segment_id", "version"), secrets, _Settings), secrets)
