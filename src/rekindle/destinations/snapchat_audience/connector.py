"""The segment and its answers. Source: Snap Marketing API, "Customer lists".

A request holds one kind of identifier, so a person with e-mail and phone is in two. Snap has no way to limit the use
of a person on a list, so who asked for limited use is not added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations import shared
from rekindle.destinations.account import ListAccount, as_text, bearer
from rekindle.destinations.replies import by_status, document, named, text
from rekindle.egress.answers import masked, same
from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Answer, Limits, Manifest, OAuth, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.snapchat import PLATFORM
from rekindle.workspace import DestinationConsent

_HASHED: Final = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}

manifest: Final = Manifest(
    name="snapchat_audience",
    title="Snapchat customer list",
    kind="audience",
    fields=frozenset({"user.email", "user.phone"}),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"adsapi.snapchat.com"}),
    # "Individual access tokens … at an average of 10 requests/second" (Snap Marketing API, "Rate limits").
    limits=Limits(batch=100_000, per_second=10, timeout_ms=30_000),
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"]),
    settings=(
        Setting("segment_id", "the segment's number, from Audiences in Ads Manager", required=True),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a request, at most 100000"),
    ),
    secrets=(Setting("access_token", "a Marketing API token; it lives half an hour, so let it be renewed", required=True),),
    host_settings=("api_base",),
    oauth=OAuth(url="https://accounts.snapchat.com/login/oauth2/access_token", life_s=1800),
)  # fmt: skip


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    segment_id: str
    default_region: str | None = None
    api_base: str = "https://adsapi.snapchat.com"
    batch: int = 10_000


class Segment(ListAccount):
    """One segment."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/v1/segments/{settings.segment_id}/users",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
        )
        self._id = settings.segment_id
        self._region = settings.default_region

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        if refused := self._unlimited(member, operation):
            return refused
        found = shared.hashed(PLATFORM, member.user, _HASHED, self._region)
        if not found:
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail and no phone")
        return MappedMember(member.member_id, found)

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        found: list[OutRequest] = []
        for schema in _HASHED.values():
            part = [one for one in batch if schema in one.body]
            if not part:
                continue
            users: dict[str, Any] = {"schema": [schema], "data": [[one.body[schema]] for one in part]}
            if operation == "remove":
                users["id"] = self._id
            method = "POST" if operation == "add" else "DELETE"
            found.append(self._send(method, {"users": [users]}, part))
        return found

    def quality_request(self) -> OutRequest:
        return self._ask(self._url.removesuffix("/users"))

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        """Source: "Customer lists", attributes approximate_number_users and targetable_status."""
        listed = document(answer).get("segments")
        first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        told = first.get("segment")
        size = told.get("approximate_number_users") if isinstance(told, dict) else None
        if not 200 <= answer.status < 300 or type(size) is not int or not isinstance(told, dict):
            return masked(f"HTTP {answer.status} without a segment")
        words = text(told.get("targetable_status")).replace("_", " ").lower()
        return [Score("audience-size", "", size, "people", masked(words))]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Segment:
    """Check and return the segment. Raises `SettingsError`."""
    return Segment(check_settings(manifest, as_text(settings, "segment_id"), secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Read ``request_status``, and ``sub_request_status`` of the one part there is. Never raises."""
    body = document(answer)
    status = text(body.get("request_status")).upper()
    users = body.get("users")
    part = users[0] if isinstance(users, list) and users and isinstance(users[0], dict) else {}
    within = text(part.get("sub_request_status")).upper()
    words_ = text(body.get("debug_message") or part.get("sub_request_error_reason") or body.get("display_message"))
    if 200 <= answer.status < 300 and status:
        if status == "SUCCESS" and within in ("", "SUCCESS"):
            return same("delivered", batch_size)
        return named(batch_size, (), words_ or status)
    return by_status(answer, batch_size, words_, unauthorised="refresh")
