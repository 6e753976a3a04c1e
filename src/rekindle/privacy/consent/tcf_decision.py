"""May a vendor act for a purpose, by a TC string? One reason for each "no".

The order of the questions is that of IAB Europe's policies and of the string's specification (v2.3): the string, the
disclosure, the declaration, the publisher's restriction, the person's choice.
"""

from __future__ import annotations

from typing import Literal

from rekindle.model.clock import parse_rfc3339
from rekindle.privacy.consent.reading import Reading
from rekindle.privacy.consent.tcf import TcString
from rekindle.privacy.consent.vendors import Vendor

Basis = Literal["consent", "li"]

_UNREAD = {"absent": "absent", "malformed": "malformed", "unsupported_version": "unsupported-version"}
_NO_LEGITIMATE_INTEREST = frozenset({1, 3, 4, 5, 6})
_DISCLOSURE_SINCE_MS = parse_rfc3339("2026-03-01T00:00:00+00:00")
_OLDEST_MS = 396 * 86_400_000  # 13 months at their longest: no string is refused a day too early
_FUTURE_MS = 2 * 86_400_000  # strings are dated by the day, by browsers' clocks


def string_reason(parsed: TcString | Reading, now_ms: int) -> str | None:
    """Return why the string as a whole allows nobody anything, or None."""
    if isinstance(parsed, Reading):
        return _UNREAD.get(parsed.verdict, "malformed")
    if parsed.policy_version < 4:
        return "policy-too-old"
    if not parsed.service_specific:
        return "not-service-specific"
    if parsed.cmp_id < 2:
        return "reserved-cmp"
    if now_ms - parsed.updated_ms > _OLDEST_MS:
        return "expired"
    if parsed.created_ms > now_ms + _FUTURE_MS:
        return "created-in-future"
    if parsed.disclosed is None and parsed.created_ms >= _DISCLOSURE_SINCE_MS:
        return "no-disclosed-vendors"
    return None


def decide_purpose(
    tc: TcString, number: int, vendor: Vendor | None, purpose: int, now_ms: int
) -> tuple[Basis | None, str]:
    """Return the basis on which the vendor may act, or None and the reason.

    ``vendor`` is its declaration, None when the list does not know it. The string as a whole must have passed
    `string_reason`.
    """
    if tc.disclosed is not None and number not in tc.disclosed:
        return None, "vendor-not-disclosed"
    if vendor is None:
        return None, "vendor-unknown"
    if vendor.deleted_ms is not None and vendor.deleted_ms <= now_ms:
        return None, "vendor-deleted"
    basis: Basis
    if purpose in vendor.consent:
        basis = "consent"
    elif purpose in vendor.legitimate_interest:
        basis = "li"
    else:
        return None, "purpose-not-declared"
    changed = _restricted(tc, vendor, purpose, basis)
    if changed not in {"consent", "li"}:
        return None, changed
    if changed == "consent":
        # Where the publisher's country treats purpose 1 by other rules, nobody was asked about it here.
        if purpose not in tc.purposes or (purpose == 1 and tc.purpose_one_treatment):
            return None, "no-purpose-consent"
        return ("consent", "") if number in tc.vendors else (None, "no-vendor-consent")
    if purpose in _NO_LEGITIMATE_INTEREST:
        return None, "li-not-permitted"
    if purpose not in tc.purposes_li:
        return None, "no-purpose-li"
    return ("li", "") if number in tc.vendors_li else (None, "no-vendor-li")


def _restricted(tc: TcString, vendor: Vendor, purpose: int, basis: Basis) -> str:
    """Apply the publisher's restrictions: the basis that is left, or a reason."""
    kinds = {one.type for one in tc.restrictions if one.purpose == purpose and vendor.id in one.vendors}
    if not kinds:
        return basis
    if 0 in kinds or len(kinds) > 1:  # told both to ask for consent and not to: nothing is allowed
        return "restricted"
    flexible = purpose in vendor.flexible
    if 1 in kinds:
        return "consent" if basis == "consent" or flexible else "restricted"
    if purpose in _NO_LEGITIMATE_INTEREST:
        return "li-not-permitted"
    return "li" if basis == "li" or flexible else "restricted"
