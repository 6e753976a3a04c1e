"""IAB Tech Lab Global Privacy Platform (GPP) strings: header and sections.

Source: IAB Tech Lab, Global Privacy Platform, Consent String Specification 1.0 and Section Information.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rekindle.model.remember import remembered
from rekindle.privacy.consent._bits import Bits
from rekindle.privacy.consent._us_layouts import LAYOUTS
from rekindle.privacy.consent.reading import Reading, Refused
from rekindle.privacy.consent.tcf import TcString, parse_tcf
from rekindle.privacy.consent.us_section import read_us_section
from rekindle.privacy.consent.usp import read_usp

TCF_EU, USP = 2, 6
_LONGEST = 20_000  # characters; ten times what is seen
_HIGHEST_SECTION = 63


class GppString(msgspec.Struct, frozen=True):
    """A GPP string as it was read: fields by section name; the TC string of section 2 also parsed."""

    section_ids: tuple[int, ...]
    sections: dict[str, dict[str, Any]]
    tcf: str | None


def parse_gpp(text: str | None) -> GppString | Reading:
    """Return the string read, or the `Reading` that says why not. The newest strings are remembered.

    One section that cannot be read makes the whole string unreadable: it might have been the one that says no.
    """
    if text is None or not text.strip():
        return Reading("absent", "there is no GPP string")
    if len(text) > _LONGEST:
        return Reading("malformed", f"longer than {_LONGEST} characters")
    return known(text)


@remembered(4_096, 2_048)
def known(text: str) -> GppString | Reading:
    """Read a string that is there; the newest are remembered."""
    try:
        return _parse(text)
    except Refused as refused:
        return Reading(refused.verdict, refused.reason)


def read_gpp(text: str | None) -> Reading:
    """Return the verdict on a GPP string. Facts: ``section_ids`` and ``sections`` (fields by section name)."""
    parsed = parse_gpp(text)
    if isinstance(parsed, Reading):
        return parsed
    return Reading("valid", None, {"section_ids": list(parsed.section_ids), "sections": parsed.sections})


def _parse(text: str) -> GppString:
    head, *texts = text.split("~")
    header = Bits(head, "header")
    if header.integer(6, "Type") != 3:
        raise Refused("header: the type is not 3")
    version = header.integer(6, "Version")
    if version != 1:
        raise Refused(f"header: version {version} is not 1", "unsupported_version")
    ids = header.fibonacci_range("SectionIds", _HIGHEST_SECTION)
    header.end()
    if len(ids) != len(texts):
        raise Refused(f"the header names {len(ids)} sections, and {len(texts)} follow")
    sections: dict[str, dict[str, Any]] = {}
    tcf: str | None = None
    for number, section in zip(ids, texts, strict=True):
        if number == TCF_EU:
            sections["tcfeuv2"] = _tcf(section)
            tcf = section
        elif number == USP:
            sections["uspv1"] = _usp(section)
        elif number in LAYOUTS:
            name, fields = read_us_section(number, section)
            sections[name] = fields
        else:
            raise Refused(f"section {number} is not known", "unsupported_version")
    return GppString(tuple(ids), sections, tcf)


def _usp(text: str) -> dict[str, Any]:
    reading = read_usp(text)
    if reading.facts is None:
        raise Refused(f"uspv1: {reading.reason}", "malformed" if reading.verdict == "absent" else reading.verdict)
    facts = reading.facts
    return {
        "Version": facts["version"],
        "Notice": facts["notice"],
        "OptOutSale": facts["opt_out_sale"],
        "LspaCovered": facts["lspa_covered"],
    }


def _tcf(text: str) -> dict[str, Any]:
    parsed = parse_tcf(text)
    if not isinstance(parsed, TcString):
        raise Refused(f"tcfeuv2: {parsed.reason}", "malformed" if parsed.verdict == "absent" else parsed.verdict)
    facts = parsed.facts()
    return {name: facts[ours] for name, ours in _TCF_NAMES if ours in facts}


# The names of GPP's own section specification, which differ from those of the TC string's.
_TCF_NAMES = (
    ("Version", "version"),
    ("Created", "created"),
    ("LastUpdated", "last_updated"),
    ("CmpId", "cmp_id"),
    ("CmpVersion", "cmp_version"),
    ("ConsentScreen", "consent_screen"),
    ("ConsentLanguage", "consent_language"),
    ("VendorListVersion", "vendor_list_version"),
    ("PolicyVersion", "tcf_policy_version"),
    ("IsServiceSpecific", "is_service_specific"),
    ("UseNonStandardStacks", "use_non_standard_texts"),
    ("SpecialFeatureOptins", "special_feature_optins"),
    ("PurposeConsents", "purposes_consent"),
    ("PurposeLegitimateInterests", "purposes_li"),
    ("PurposeOneTreatment", "purpose_one_treatment"),
    ("PublisherCountryCode", "publisher_cc"),
    ("VendorConsents", "vendor_consents"),
    ("VendorLegitimateInterests", "vendor_li"),
    ("PublisherRestrictions", "publisher_restrictions"),
    ("VendorsDisclosed", "disclosed_vendors"),
    ("PublisherConsents", "pub_purposes_consent"),
    ("PublisherLegitimateInterests", "pub_purposes_li"),
    ("NumCustomPurposes", "num_custom_purposes"),
    ("PublisherCustomConsents", "custom_purposes_consent"),
    ("PublisherCustomLegitimateInterests", "custom_purposes_li"),
)
