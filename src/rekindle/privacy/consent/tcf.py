"""IAB TCF v2.2 and v2.3 strings (TC strings), all segments.

Source: IAB Europe, Transparency and Consent String with Global Vendor & CMP List Formats, v2.3.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rekindle.model.clock import rfc3339
from rekindle.model.remember import remembered
from rekindle.privacy.consent._bits import Bits, IdSet, Intervals
from rekindle.privacy.consent.reading import Reading, Refused

_LONGEST = 20_000  # characters; ten times what is seen
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3


class Restriction(msgspec.Struct, frozen=True):
    """What the publisher asks of some vendors for one purpose. Type 0: not allowed, 1: consent, 2: legitimate interest."""

    purpose: int
    type: int
    vendors: IdSet


class PublisherPurposes(msgspec.Struct, frozen=True):
    """The PublisherTC segment: the site's own purposes."""

    consent: IdSet
    legitimate_interest: IdSet
    custom: int
    custom_consent: IdSet
    custom_legitimate_interest: IdSet


class TcString(msgspec.Struct, frozen=True):
    """A TC string as it was read. ``disclosed`` is None where the string has no DisclosedVendors segment."""

    version: int
    created_ms: int
    updated_ms: int
    cmp_id: int
    cmp_version: int
    consent_screen: int
    language: str
    vendor_list_version: int
    policy_version: int
    service_specific: bool
    non_standard_texts: bool
    special_features: IdSet
    purposes: IdSet
    purposes_li: IdSet
    purpose_one_treatment: bool
    publisher_country: str
    vendors: IdSet
    vendors_li: IdSet
    restrictions: tuple[Restriction, ...]
    disclosed: IdSet | None
    publisher: PublisherPurposes | None

    def facts(self) -> dict[str, Any]:
        """Return the fields under the specification's names in snake_case; sets as ascending lists."""
        facts: dict[str, Any] = {
            "version": self.version,
            "created": rfc3339(self.created_ms),
            "last_updated": rfc3339(self.updated_ms),
            "cmp_id": self.cmp_id,
            "cmp_version": self.cmp_version,
            "consent_screen": self.consent_screen,
            "consent_language": self.language,
            "vendor_list_version": self.vendor_list_version,
            "tcf_policy_version": self.policy_version,
            "is_service_specific": self.service_specific,
            "use_non_standard_texts": self.non_standard_texts,
            "special_feature_optins": self.special_features.ids(),
            "purposes_consent": self.purposes.ids(),
            "purposes_li": self.purposes_li.ids(),
            "purpose_one_treatment": self.purpose_one_treatment,
            "publisher_cc": self.publisher_country,
            "vendor_consents": self.vendors.ids(),
            "vendor_li": self.vendors_li.ids(),
            "publisher_restrictions": [
                {"purpose": one.purpose, "type": one.type, "vendors": one.vendors.ids()} for one in self.restrictions
            ],
            "disclosed_vendors": None if self.disclosed is None else self.disclosed.ids(),
        }
        if self.publisher is not None:
            facts |= {
                "pub_purposes_consent": self.publisher.consent.ids(),
                "pub_purposes_li": self.publisher.legitimate_interest.ids(),
                "num_custom_purposes": self.publisher.custom,
                "custom_purposes_consent": self.publisher.custom_consent.ids(),
                "custom_purposes_li": self.publisher.custom_legitimate_interest.ids(),
            }
        return facts


def parse_tcf(text: str | None) -> TcString | Reading:
    """Return the string read, or the `Reading` that says why not. The newest strings are remembered."""
    if text is None or not text.strip():
        return Reading("absent", "there is no TC string")
    if len(text) > _LONGEST:
        return Reading("malformed", f"longer than {_LONGEST} characters")
    return known(text)


@remembered(4_096, 2_048)
def known(text: str) -> TcString | Reading:
    """Read a string that is there; the newest are remembered."""
    try:
        return _parse(text)
    except Refused as refused:
        return Reading(refused.verdict, refused.reason)


def read_tcf(text: str | None) -> Reading:
    """Return the verdict on a TC string, with its facts when it is valid."""
    parsed = parse_tcf(text)
    return parsed if isinstance(parsed, Reading) else Reading("valid", None, parsed.facts())


def _parse(text: str) -> TcString:
    first, *others = text.split(".")
    core = Bits(first, "core segment")
    version = core.integer(6, "Version")
    if version != 2:
        raise Refused(f"version {version} is not 2", "unsupported_version")
    created = core.integer(36, "Created") * 100
    updated = core.integer(36, "LastUpdated") * 100
    if updated < created:
        raise Refused("core segment: LastUpdated is before Created")
    if updated > 253_402_300_799_000:
        raise Refused("core segment: LastUpdated is after the year 9999")
    cmp_id, cmp_version = core.integer(12, "CmpId"), core.integer(12, "CmpVersion")
    screen, language = core.integer(6, "ConsentScreen"), core.letters("ConsentLanguage")
    list_version, policy = core.integer(12, "VendorListVersion"), core.integer(6, "TcfPolicyVersion")
    specific, texts = core.flag("IsServiceSpecific"), core.flag("UseNonStandardTexts")
    features = core.positions(12, "SpecialFeatureOptIns")
    purposes, purposes_li = core.positions(24, "PurposesConsent"), core.positions(24, "PurposesLITransparency")
    one, country = core.flag("PurposeOneTreatment"), core.letters("PublisherCC")
    vendors, vendors_li = core.vendors("VendorConsent"), core.vendors("VendorLegitimateInterest")
    restrictions = _restrictions(core)
    core.end()
    segments = _segments(others)
    return TcString(
        version=version,
        created_ms=created,
        updated_ms=updated,
        cmp_id=cmp_id,
        cmp_version=cmp_version,
        consent_screen=screen,
        language=language,
        vendor_list_version=list_version,
        policy_version=policy,
        service_specific=specific,
        non_standard_texts=texts,
        special_features=features,
        purposes=purposes,
        purposes_li=purposes_li,
        purpose_one_treatment=one,
        publisher_country=country,
        vendors=vendors,
        vendors_li=vendors_li,
        restrictions=restrictions,
        disclosed=segments.disclosed,
        publisher=segments.publisher,
    )


def _restrictions(core: Bits) -> tuple[Restriction, ...]:
    found = []
    for _ in range(core.integer(12, "NumPubRestrictions")):
        purpose, kind = core.integer(6, "PubRestrictions"), core.integer(2, "PubRestrictions")
        intervals: Intervals = core.ranges("PubRestrictions")
        if not 1 <= purpose <= 24:
            raise Refused("core segment: PubRestrictions names a purpose outside 1 to 24")
        if kind == 3:
            raise Refused("core segment: PubRestrictions uses the undefined restriction type 3")
        found.append(Restriction(purpose, kind, IdSet(intervals=intervals)))
    return tuple(found)


class _Segments(msgspec.Struct):
    disclosed: IdSet | None = None
    publisher: PublisherPurposes | None = None


def _segments(texts: list[str]) -> _Segments:
    found = _Segments()
    seen: set[int] = set()
    for number, text in enumerate(texts, 2):
        bits = Bits(text, f"segment {number}")
        kind = bits.integer(3, "SegmentType")
        if kind in seen:
            raise Refused(f"segment {number}: a second segment of type {kind}")
        seen.add(kind)
        if kind == _DISCLOSED:
            found.disclosed = bits.vendors("DisclosedVendors")
        elif kind == _ALLOWED:
            bits.vendors("AllowedVendors")  # of TCF 2.0; read so that it is well formed, and ignored
        elif kind == _PUBLISHER:
            consent, interest = bits.positions(24, "PubPurposesConsent"), bits.positions(24, "PubPurposesLI")
            custom = bits.integer(6, "NumCustomPurposes")
            found.publisher = PublisherPurposes(
                consent,
                interest,
                custom,
                bits.positions(custom, "CustomPurposesConsent"),
                bits.positions(custom, "CustomPurposesLI"),
            )
        else:
            raise Refused(f"segment {number}: type {kind} is not defined")
        bits.end()
    return found
