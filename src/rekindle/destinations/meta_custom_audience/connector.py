"""The list and its answers. Source: Meta Marketing API v25, "Customer file custom audiences", "Data processing options".

A request holds at most 10,000 people. A larger part is one session of several requests, named by who is in it: sent
again after a crash, it is the same session with the same parts. The whole list is replaced at ``/usersreplace``, in a
session that must be over after 90 minutes; its limited use is told person by person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from rekindle.destinations import meta, shared
from rekindle.destinations.account import ListAccount, as_text, bearer
from rekindle.destinations.replies import document, text
from rekindle.egress.answers import masked, same
from rekindle.egress.audience import MappedMember, Member, Operation, Session
from rekindle.egress.connector import Answer, Limits, Manifest, OutRequest, Rejected, Setting, Verdict
from rekindle.egress.options import check_settings
from rekindle.egress.rated import Score
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise.meta import PLATFORM
from rekindle.workspace import DestinationConsent

VERSION: Final = "v25.0"
_A_REQUEST: Final = 10_000
# Their order is the order of the columns.
_HASHED: Final = {
    "email": "EMAIL", "phone": "PHONE", "first_name": "FN", "last_name": "LN", "gender": "GEN", "city": "CT",
    "region": "ST", "postal_code": "ZIP", "country": "COUNTRY", "user_id": "EXTERN_ID",
}  # fmt: skip
_SCHEMA: Final = tuple(_HASHED.values())
_LIMITED: Final = "limited"
_SESSION_MS: Final = 90 * 60_000

manifest: Final = Manifest(
    name="meta_custom_audience",
    title="Meta custom audience",
    kind="audience",
    fields=frozenset(f"user.{field}" for field in _HASHED),
    purposes=frozenset({"ads_personalization"}),
    hosts=frozenset({"graph.facebook.com"}),
    # The quota is a formula of the account's tier and audiences ("business use case limits"): its answers tell what is left.
    limits=Limits(batch=100_000, timeout_ms=30_000),
    consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data", "ad_personalization"], ac_provider=89),
    settings=(
        Setting("audience_id", "the custom audience's number, from Audiences in Ads Manager", required=True),
        Setting("default_region", "two-letter country by which phone numbers without a country code are read"),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "people a session, at most 100000, in requests of 10000"),
    ),
    secrets=(Setting("access_token", "a system user's token with the permission ads_management", required=True),),
    host_settings=("api_base",),
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    audience_id: str
    default_region: str | None = None
    api_base: str = "https://graph.facebook.com"
    batch: int = _A_REQUEST


class CustomAudience(ListAccount):
    """One list."""

    def __init__(self, settings: _Settings, secrets: Mapping[str, str]) -> None:
        super().__init__(
            manifest,
            base=settings.api_base,
            path=f"/{VERSION}/{settings.audience_id}/users",
            headers=bearer(secrets["access_token"]),
            batch=settings.batch,
        )
        self._region = settings.default_region

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        found = shared.hashed(PLATFORM, member.user, _HASHED, self._region)
        named = found.keys() >= {"FN", "LN"} and found.keys() & {"ZIP", "CT"}
        if not (found.keys() & {"EMAIL", "PHONE", "EXTERN_ID"} or named):
            return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone or customer id, and no name with a place")
        limited = member.limited_use and operation == "add"
        return MappedMember(member.member_id, found, group=_LIMITED if limited else "")

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        parts = [batch[start : start + _A_REQUEST] for start in range(0, len(batch), _A_REQUEST)]
        session = _session(batch)
        found: list[OutRequest] = []
        for number, part in enumerate(parts, start=1):
            body: dict[str, Any] = {"payload": _payload(part)}
            if len(parts) > 1:
                last = number == len(parts)
                progress = {"batch_seq": number, "last_batch_flag": last, "estimated_num_total": len(batch)}
                body["session"] = {"session_id": session} | progress
            method = "POST" if operation == "add" else "DELETE"
            found.append(self._send(method, body, part))
        return found

    @property
    def replace_batch(self) -> int:
        return min(self.batch, _A_REQUEST)

    @property
    def replace_ms(self) -> int:
        return _SESSION_MS

    def replace(self, batch: Sequence[MappedMember], session: Session) -> OutRequest:
        told = {
            "session_id": session.id,
            "batch_seq": session.seq,
            "last_batch_flag": session.last,
            "estimated_num_total": session.total,
        }
        return self._send("POST", {"session": told, "payload": _payload(batch)}, batch, "replace")

    def quality_request(self) -> OutRequest:
        fields = "approximate_count_lower_bound,approximate_count_upper_bound,operation_status"
        return self._ask(f"{self._url.removesuffix('/users')}?fields={fields}")

    def read_quality(self, answer: Answer) -> Sequence[Score] | str:
        """Source: "Custom Audience", approximate_count_lower_bound (-1 where there are too few) and operation_status."""
        body = document(answer)
        least, most, status = (body.get(name) for name in ("approximate_count_lower_bound",
                                                           "approximate_count_upper_bound", "operation_status"))  # fmt: skip
        if not 200 <= answer.status < 300 or type(least) is not int:
            error = body.get("error")
            return masked(f"HTTP {answer.status}: {text(error.get('message')) if isinstance(error, dict) else ''}")
        words = text(status.get("description")) if isinstance(status, dict) else ""
        reach = f"{least} to {most}. " if type(most) is int and least >= 0 else ""
        return [Score("audience-size", "", max(0, least), "people", masked(reach + words))]


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> CustomAudience:
    """Check and return the list. Raises `SettingsError`."""
    return CustomAudience(check_settings(manifest, as_text(settings, "audience_id"), secrets, _Settings), secrets)


def classify(answer: Answer, batch_size: int) -> Verdict:
    """Read as every answer of the Graph API; ``num_invalid_entries`` counts entries that matched no form. Never raises."""
    body = document(answer)
    if 200 <= answer.status < 300 and isinstance(body.get("num_received"), int):
        invalid = body.get("num_invalid_entries")
        words_ = f"{invalid} entries were invalid" if isinstance(invalid, int) and invalid else ""
        alone = invalid == batch_size == 1
        return same("permanent" if alone else "delivered", batch_size, words=masked(words_))
    return meta.classify(answer, batch_size)


def _payload(part: Sequence[MappedMember]) -> dict[str, Any]:
    """Return the columns that anybody has, with a row of hashes for each person and "" for what is not known."""
    columns = [name for name in _SCHEMA if any(name in one.body for one in part)]
    rows: list[list[Any]] = [[one.body.get(name, "") for name in columns] for one in part]
    if any(one.group == _LIMITED for one in part):
        columns = [*columns, "DATA_PROCESSING_OPTIONS"]
        rows = [[*row, ["LDU"] if one.group == _LIMITED else []] for one, row in zip(part, rows, strict=True)]
    return {"schema": columns, "is_raw": False, "data": rows}


def _session(batch: Sequence[MappedMember]) -> int:
    text = "\n".join(one.member_id for one in batch)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
