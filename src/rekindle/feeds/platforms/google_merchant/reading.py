"""Read the Merchant API's answers. Sources: Merchant API "Handle error responses", "Quotas and limits"; ProductStatus.

Words and codes are the platform's; the ``REASON`` of an error is stable and is the code that is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from rekindle.egress.answers import UNREADABLE, masked, retry_after_ms, same
from rekindle.egress.connector import Answer, CredentialAction, Disposition, Retry, Verdict
from rekindle.egress.google_errors import HOLD, RETRY, Status, asked_delay_ms, read_error
from rekindle.feeds.platforms.google_merchant.parts import answers
from rekindle.feeds.push.platform import Entry, Look, Reason, Reply

_HOUR_MS: Final = 3_600_000
_WORST: Final = ("DISAPPROVED", "DEMOTED", "NOT_IMPACTED")


class _Said(NamedTuple):
    """What one call's answer means."""

    disposition: Disposition
    reason: Reason | None = None
    retry: Retry | None = None
    credential: CredentialAction | None = None


def changes(answer: Answer, entries: Sequence[Entry]) -> Reply:
    """Read the answer to a request of changes, call by call."""
    size = len(entries)
    if not 200 <= answer.status < 300:
        said = _error(answer)
        if said.disposition == "permanent":
            said = _Said("split" if size > 1 else "permanent", said.reason)
        words = said.reason.words if said.reason else f"HTTP {answer.status}"
        verdict = same(said.disposition, size, credential_action=said.credential, retry=said.retry, words=words)
        return Reply(verdict, {0: said.reason} if said.disposition == "permanent" and said.reason else {})
    found = answers(answer)
    each = [_one(found.get(place), entry) for place, entry in enumerate(entries)]
    reasons = {place: said.reason for place, said in enumerate(each) if said.reason and said.disposition == "permanent"}
    asked = [said.retry for said in each if said.retry]
    retry = Retry(max(one.after_ms for one in asked), any(one.throttled for one in asked)) if asked else None
    credential = next((said.credential for said in each if said.credential), None)
    words = next((said.reason.words for said in each if said.reason), "")
    return Reply(Verdict(tuple(said.disposition for said in each), credential, retry, words), reasons)


def _one(answer: Answer | None, entry: Entry) -> _Said:
    if answer is None:
        return _Said("retry", retry=Retry())
    if 200 <= answer.status < 300 or (entry.content is None and answer.status == 404):
        return _Said("delivered")  # what is not there any more need not be removed
    return _error(answer)


def _error(answer: Answer) -> _Said:
    error = read_error(answer) or Status(answer.status, f"HTTP {answer.status} without an answer of the API")
    reason = Reason(_code(error, answer.status), masked(error.message))
    if answer.status == 401 or error.status == "UNAUTHENTICATED":
        return _Said("hold", reason, credential="refresh")
    if answer.status in (403, 404) or error.status in HOLD or error.status == "NOT_FOUND":
        return _Said("hold", reason, credential="stop")  # another account, no right, or the data source is gone
    wait = max(retry_after_ms(answer), asked_delay_ms(error))
    if answer.status == 429 or error.status == "RESOURCE_EXHAUSTED":
        daily = "daily_limit" in f"{reason.code} {error.message}".lower()
        return _Said("retry", reason, Retry(max(wait, _HOUR_MS if daily else 0), throttled=True))
    if error.status == "ABORTED" or answer.status == 409:
        # A later version of the item stands there: ours must not undo it.
        return _Said("permanent", Reason("newer-version", reason.words))
    if answer.status >= 500 or answer.status in (408, 425) or error.status in RETRY:
        return _Said("retry", reason, Retry(wait))
    return _Said("permanent", reason)


def _code(error: Status, status: int) -> str:
    for detail in error.details:
        told = detail.metadata.get("REASON") if isinstance(detail.metadata, dict) else None
        if told or detail.reason:
            return str(told or detail.reason)[:64]
    return (error.status or f"http-{status}")[:64]


class _Issue(msgspec.Struct, rename="camel"):
    code: str = ""
    severity: str = ""
    attribute: str = ""
    description: str = ""
    detail: str = ""


class _ProductStatus(msgspec.Struct, rename="camel"):
    item_level_issues: list[_Issue] = []


class _Product(msgspec.Struct, rename="camel"):
    version_number: int = 0
    product_status: _ProductStatus | None = None


_product = msgspec.json.Decoder(_Product, strict=False)


def products(answer: Answer, entries: Sequence[Entry]) -> Look:
    """Read the processed products: decided are those of the version that was sent, or a later one."""
    found = answers(answer) if 200 <= answer.status < 300 else {}
    if not found:
        error = read_error(answer)
        words = masked(error.message) if error else f"HTTP {answer.status}"
        return Look("waiting", words=words, after_ms=retry_after_ms(answer))
    reasons: dict[str, Reason] = {}
    undecided: set[str] = set()
    for place, entry in enumerate(entries):
        part = found.get(place)
        try:
            product = _product.decode(part.body) if part is not None and part.status == 200 else None
        except UNREADABLE:
            product = None
        if product is None or product.product_status is None or product.version_number < entry.wanted_ms:
            undecided.add(entry.id)
        elif issues := product.product_status.item_level_issues:
            reasons[entry.id] = _worst(issues)
    return Look("decided", reasons, undecided)


def _worst(issues: Sequence[_Issue]) -> Reason:
    rank = {severity: place for place, severity in enumerate(_WORST)}
    issue = min(issues, key=lambda each: rank.get(each.severity, len(_WORST)))
    about = f"{issue.attribute}: " if issue.attribute else ""
    more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
    words = f"{about}{issue.description} {issue.detail}".strip()
    return Reason(issue.code[:64], masked(words) + more, refused=issue.severity == "DISAPPROVED")
