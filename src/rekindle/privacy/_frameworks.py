"""What the signals that came with an event say together, for one need: a destination's, the door's or an ad's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from rekindle.model.event import Consent
from rekindle.model.remember import remembered
from rekindle.privacy.consent.ac import read_ac
from rekindle.privacy.consent.gpp import GppString, parse_gpp
from rekindle.privacy.consent.tcf import TcString, parse_tcf
from rekindle.privacy.consent.tcf_decision import decide_purpose, string_reason
from rekindle.privacy.consent.us_section import did_not_opt_out, opted_out
from rekindle.privacy.consent.usp import read_usp
from rekindle.privacy.consent.vendors import Vendors

# Codes are written out, never put together: each has words (`rekindle.model.reasons`), which a test looks for.
_GPP = {"malformed": "gpp-malformed", "unsupported_version": "gpp-unsupported-version"}
_US_PRIVACY = {"malformed": "us-privacy-malformed", "unsupported_version": "us-privacy-unsupported-version"}
_AC = {"absent": "ac-absent", "malformed": "ac-malformed", "unsupported_version": "ac-unsupported-version"}
_DENIED = {
    "ad_storage": "ad-storage-denied", "analytics_storage": "analytics-storage-denied",
    "ad_user_data": "ad-user-data-denied", "ad_personalization": "ad-personalization-denied",
}  # fmt: skip
_ABSENT = {
    "ad_storage": "ad-storage-absent", "analytics_storage": "analytics-storage-absent",
    "ad_user_data": "ad-user-data-absent", "ad_personalization": "ad-personalization-absent",
}  # fmt: skip
_REMARKETING = frozenset({1, 3, 4})  # identifier, profile, personalised ad


@dataclass(frozen=True, slots=True)
class Need:
    """What must be granted. ``signals`` in consent mode; ``vendor`` and ``purposes`` in a TC string.

    ``provider`` is Google's Additional Consent id of a platform without an IAB vendor id. ``first_party`` is for the
    shop itself, which needs no vendor id: a TC string's purposes speak for it.
    """

    signals: frozenset[str]
    vendor: int | None
    purposes: frozenset[int]
    provider: int | None = None
    first_party: bool = False

    @property
    def mapped(self) -> bool:
        """Whether any framework could ever allow this; there is no default mapping."""
        return bool(self.signals) or self.vendor is not None or self.provider is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer of all frameworks that were present."""

    allowed: bool
    reason: str
    unreadable: bool = False
    absent: bool = False
    limited_use: bool = False
    purposes: frozenset[str] = frozenset()
    frameworks: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def basis(self) -> str:
        """The frameworks that allowed it, joined by ``+``."""
        return "+".join(self.frameworks)

    def facts(self) -> dict[str, Any]:
        """Return what the ledger keeps of it."""
        return {"frameworks": list(self.frameworks), **self.details}

    def stricter(self, other: Choice) -> Choice:
        """Join two answers that both allow: limited use if either says so, what both grant."""
        return Choice(
            allowed=True,
            reason="ok",
            limited_use=self.limited_use or other.limited_use,
            purposes=self.purposes & other.purposes or other.purposes,
            frameworks=other.frameworks,
            details=other.details,
        )


class _No(Exception):
    """A framework refused."""

    def __init__(self, reason: str, *, unreadable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unreadable = unreadable


@dataclass(slots=True)
class _Reader:
    consent: Consent
    need: Need
    jurisdiction: Literal["gdpr", "ccpa"]
    now_ms: int
    vendors: Vendors
    seen: list[str] = field(default_factory=list)
    purposes: set[str] = field(default_factory=set)
    details: dict[str, Any] = field(default_factory=dict)
    opted_in: bool = False  # a framework of consent granted
    not_opted_out: bool = False  # a framework of opting out says that the person did not
    limited: bool = False

    def gpc(self) -> None:
        if self.consent.gpc:
            self.seen.append("gpc")
            raise _No("gpc-opt-out")

    def gpp(self) -> None:
        if self.consent.gpp is None or not self.consent.gpp.strip():
            return
        self.seen.append("gpp")
        self.details["gpp_hash"] = _hash(self.consent.gpp)
        parsed = parse_gpp(self.consent.gpp)
        if not isinstance(parsed, GppString):
            raise _No(_GPP.get(parsed.verdict, "gpp-malformed"), unreadable=True)
        self.details["gpp_sections"] = list(parsed.section_ids)
        for name, facts in parsed.sections.items():
            if name == "uspv1":
                self.us_sale(facts["OptOutSale"])
            elif name != "tcfeuv2":
                self.us_section(facts)
        self.tcf(parsed.tcf)

    def us_section(self, facts: dict[str, Any]) -> None:
        reason = opted_out(facts)
        if reason is not None:
            raise _No(reason)
        if did_not_opt_out(facts):
            self.not_opted_out = True
        else:
            self.limited = True

    def usp(self) -> None:
        reading = read_usp(self.consent.us_privacy)
        if reading.verdict == "absent":
            return
        self.seen.append("us_privacy")
        if reading.facts is None:
            raise _No(_US_PRIVACY.get(reading.verdict, "us-privacy-malformed"), unreadable=True)
        self.us_sale(reading.facts["opt_out_sale"])

    def us_sale(self, opted_out: str) -> None:
        if opted_out == "Y":
            raise _No("us-privacy-opt-out")
        if opted_out == "N":
            self.not_opted_out = True
        else:
            self.limited = True  # "does not apply" is no choice: the platform is told to be careful

    def tcf(self, text: str | None) -> None:
        parsed = parse_tcf(text)
        if not isinstance(parsed, TcString) and parsed.verdict == "absent":
            return
        self.seen.append("tcf")
        self.details["tcf_hash"] = _hash(text or "")
        refused = string_reason(parsed, self.now_ms)
        if refused is not None or not isinstance(parsed, TcString):
            raise _No(refused or "malformed", unreadable=not isinstance(parsed, TcString))
        self.details |= {"vendor_list_version": parsed.vendor_list_version, "cmp_id": parsed.cmp_id}
        purposes = self.need.purposes or _REMARKETING
        if self.need.vendor is None:
            self.tcf_without_vendor(parsed, purposes)
            return
        known = self.vendors.read_by(parsed.vendor_list_version)
        self.details["vendor_list_used"] = known.version
        vendor = known.vendor(self.need.vendor, purposes)
        basis = {}
        for purpose in sorted(purposes):
            granted, reason = decide_purpose(parsed, self.need.vendor, vendor, purpose, self.now_ms)
            if granted is None:
                raise _No(reason)
            basis[f"tcf:{purpose}"] = granted
        self.details |= {"vendor": self.need.vendor, "basis": basis}
        self.grant(set(basis))

    def tcf_without_vendor(self, parsed: TcString, purposes: frozenset[int]) -> None:
        """Read the purposes; a platform that is not on the list needs its AC provider or consent mode besides."""
        for purpose in sorted(purposes):
            if purpose not in parsed.purposes or (purpose == 1 and parsed.purpose_one_treatment):
                raise _No("no-purpose-consent")
        named = {f"tcf:{purpose}" for purpose in purposes}
        if self.need.first_party:
            self.grant(named)
        elif self.need.provider is not None:
            reading = read_ac(self.consent.ac)
            if reading.facts is None:
                raise _No(_AC.get(reading.verdict, "ac-malformed"), unreadable=reading.verdict != "absent")
            self.seen.append("ac")
            self.details |= {"provider": self.need.provider, "ac_hash": _hash(self.consent.ac or "")}
            if self.need.provider not in reading.facts["consented"]:
                raise _No("no-provider-consent")
            self.grant(named)
        else:
            self.purposes |= named  # not refused; consent mode must still allow

    def consent_mode(self) -> None:
        signals = {
            "ad_storage": self.consent.ad_storage,
            "analytics_storage": self.consent.analytics_storage,
            "ad_user_data": self.consent.ad_user_data,
            "ad_personalization": self.consent.ad_personalization,
        }
        if all(value is None for value in signals.values()):
            return
        self.seen.append("consent_mode")
        for name in sorted(self.need.signals):
            if signals[name] != "granted":
                raise _No((_DENIED if signals[name] else _ABSENT)[name])
        if self.need.signals:
            self.details["consent_mode"] = sorted(self.need.signals)
            self.grant(set(self.need.signals))

    def grant(self, purposes: set[str]) -> None:
        self.opted_in = True
        self.purposes |= purposes


def read_choice(
    consent: Consent | None, need: Need, jurisdiction: Literal["gdpr", "ccpa"], now_ms: int, vendors: Vendors
) -> Choice:
    """Read every framework that is present; all must allow, and at least one must be able to.

    Under ``gdpr`` only TCF and consent mode can allow; under ``ccpa`` also a US signal that says "did not opt out".
    """
    if consent is None:
        return Choice(allowed=False, reason="consent-absent", absent=True)
    reader = _Reader(consent, need, jurisdiction, now_ms, vendors)
    try:
        reader.gpc()
        reader.gpp()
        reader.usp()
        reader.tcf(consent.tcf)
        reader.consent_mode()
    except _No as no:
        return Choice(
            allowed=False,
            reason=no.reason,
            unreadable=no.unreadable,
            frameworks=tuple(reader.seen),
            details=reader.details,
        )
    allowed = reader.opted_in or (jurisdiction == "ccpa" and reader.not_opted_out)
    reason = "ok" if allowed else ("consent-not-enough" if reader.seen else "consent-absent")
    if allowed and jurisdiction == "gdpr" and consent.kind == "implied":
        # GDPR, Art. 4(11): consent is a clear affirmative act; silence and going on reading are none (recital 32).
        allowed, reason = False, "consent-implied"
    return Choice(
        allowed=allowed,
        reason=reason,
        absent=not reader.seen,
        limited_use=reader.limited and jurisdiction == "ccpa",
        purposes=frozenset(reader.purposes or {"opt_out"}) if allowed else frozenset(),
        frameworks=tuple(reader.seen),
        details=reader.details,
    )


@remembered(4_096, 2_048)
def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
