"""Put what two decoders read into one form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rekindle.privacy.consent import GppString, Reading, TcString, parse_gpp, parse_tcf
from rekindle.privacy.consent._bits import IdSet

Runs = list[list[int]]


def ours(kind: str, text: str) -> dict[str, Any] | str:
    """Return what our decoder reads in ``text``, or the reason for which it refuses it."""
    parsed: TcString | GppString | Reading = parse_tcf(text) if kind == "t" else parse_gpp(text)
    if isinstance(parsed, Reading):
        return parsed.reason or parsed.verdict
    return _tcf(parsed) if isinstance(parsed, TcString) else _gpp(parsed)


def theirs(kind: str, facts: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the reference's facts in our form; ``own`` tells which optional parts the string has."""
    if kind == "t":
        return facts
    sections: dict[str, Any] = {}
    for name, fields in facts["sections"].items():
        mine = own["sections"].get(name, {})
        if name == "tcfeuv2":
            sections[name] = {key: _plain(value) for key, value in fields.items() if key in _TCF_FIELDS}
        else:
            # A field that is only a constant of the encoding, or the default of a segment that is not there.
            kept = {key: value for key, value in fields.items() if key in mine or not _constant(key, value)}
            sections[name] = kept
    return {"ids": facts["ids"], "sections": sections}


def _constant(key: str, value: Any) -> bool:
    absent = (key == "Gpc" and value is False) or (key == "SensitiveDataProcessing" and not any(value))
    return absent or key.endswith("SegmentType") or key == "SectionID"


_TCF_FIELDS = frozenset(
    {
        "Version", "CmpId", "CmpVersion", "ConsentScreen", "ConsentLanguage", "VendorListVersion", "PolicyVersion",
        "IsServiceSpecific", "UseNonStandardStacks", "SpecialFeatureOptins", "PurposeConsents",
        "PurposeLegitimateInterests", "PurposeOneTreatment", "PublisherCountryCode", "VendorConsents",
        "VendorLegitimateInterests",
    }
)  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], bool):
        return [place for place, flag in enumerate(value, 1) if flag]
    return sorted(set(value)) if isinstance(value, list) else value


def _gpp(parsed: GppString) -> dict[str, Any]:
    sections = dict(parsed.sections)
    if "tcfeuv2" in sections:
        sections["tcfeuv2"] = {key: value for key, value in sections["tcfeuv2"].items() if key in _TCF_FIELDS}
    return {"ids": list(parsed.section_ids), "sections": sections}


def _tcf(parsed: TcString) -> dict[str, Any]:
    restrictions: dict[str, list[tuple[int, int]]] = {}
    for one in parsed.restrictions:
        restrictions.setdefault(f"{one.purpose}-{one.type}", []).extend(one.vendors.runs())
    publisher = parsed.publisher
    return {
        "version": parsed.version,
        "created": parsed.created_ms,
        "updated": parsed.updated_ms,
        "cmp_id": parsed.cmp_id,
        "cmp_version": parsed.cmp_version,
        "screen": parsed.consent_screen,
        "language": parsed.language,
        "list_version": parsed.vendor_list_version,
        "policy": parsed.policy_version,
        "specific": parsed.service_specific,
        "texts": parsed.non_standard_texts,
        "features": _runs(parsed.special_features),
        "purposes": _runs(parsed.purposes),
        "purposes_li": _runs(parsed.purposes_li),
        "one_treatment": parsed.purpose_one_treatment,
        "country": parsed.publisher_country,
        "vendors": _runs(parsed.vendors),
        "vendors_li": _runs(parsed.vendors_li),
        "restrictions": {key: _merged(pairs) for key, pairs in restrictions.items() if pairs},
        "disclosed": [] if parsed.disclosed is None else _runs(parsed.disclosed),
        "publisher": [[], [], 0, [], []]
        if publisher is None
        else [
            _runs(publisher.consent),
            _runs(publisher.legitimate_interest),
            publisher.custom,
            _runs(publisher.custom_consent),
            _runs(publisher.custom_legitimate_interest),
        ],
    }


def _runs(ids: IdSet) -> Runs:
    return _merged(ids.runs())


def _merged(pairs: Iterable[tuple[int, int]]) -> Runs:
    out: Runs = []
    for first, last in sorted(pairs):
        if out and first <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    return out
