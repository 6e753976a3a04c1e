"""One US section of a GPP string: a core segment, and GPC or sensitive-data segments behind it."""

from __future__ import annotations

from typing import Any

from rekindle.privacy.consent._bits import Bits
from rekindle.privacy.consent._us_layouts import LAYOUTS, Field, Layout
from rekindle.privacy.consent.reading import Refused


def read_us_section(section: int, text: str) -> tuple[str, dict[str, Any]]:
    """Return the section's name and its fields by the specification's names. Raises `Refused`."""
    versions = LAYOUTS[section]
    newest = versions[max(versions)]
    segments = text.split(".")
    if newest.headed and len(segments) > 1 and Bits(segments[0], newest.name).integer(6, "SectionID") == section:
        _header(newest, segments.pop(0))
    first = Bits(segments[0], f"{newest.name} core")
    layout = newest
    facts: dict[str, Any] = {}
    for name, width, _count in newest.core[:1]:
        version = first.integer(width, name)
        facts[name] = version
        if not newest.headed:
            if version not in versions:
                raise Refused(f"{newest.name}: version {version} is not known", "unsupported_version")
            layout = versions[version]
    for field in layout.core[1:]:
        facts[field[0]] = _value(first, layout.name, field)
    if layout is not newest and first.left >= _bits(newest) - _bits(layout):
        # Encoders were seen that wrote the newer fields under the older version: the child's fields would be read
        # from the wrong place.
        raise Refused(f"{layout.name}: version {layout.version} with the length of version {newest.version}")
    first.end()
    if len(segments) > 2:
        raise Refused(f"{layout.name}: {len(segments)} segments")
    if len(segments) == 2:
        facts |= _second(layout, segments[1])
    return layout.name, facts


def opted_out(facts: dict[str, Any]) -> str | None:
    """Return why remarketing is blocked by this section, or None."""
    for name, reason in _BLOCKS:
        if facts.get(name) == 1:
            return reason
    if facts.get("Gpc"):
        return "gpc-opt-out"
    child = facts.get("KnownChildSensitiveDataConsents", 0)
    if 1 in (child if isinstance(child, list) else [child]):
        return "known-child"
    return None


def did_not_opt_out(facts: dict[str, Any]) -> bool:
    """Tell whether the person was offered the choice and did not opt out (and it was not simply "not applicable")."""
    return any(facts.get(name) == 2 for name, _reason in _BLOCKS)


_BLOCKS = (
    ("SaleOptOut", "sale-opt-out"),
    ("SharingOptOut", "sharing-opt-out"),
    ("TargetedAdvertisingOptOut", "targeted-advertising-opt-out"),
)


def _value(bits: Bits, section: str, field: Field) -> int | list[int]:
    name, width, count = field
    values = [bits.integer(width, name) for _ in range(count or 1)]
    if 3 in values:
        raise Refused(f"{section}: {name} has the undefined value 3")
    return values if count else values[0]


def _bits(layout: Layout) -> int:
    return sum(width * (count or 1) for _, width, count in layout.core)


def _header(layout: Layout, text: str) -> None:
    bits = Bits(text, f"{layout.name} header")
    bits.integer(6, "SectionID")
    version = bits.integer(6, "Version")
    if version != layout.version:
        raise Refused(f"{layout.name}: version {version} is not known", "unsupported_version")
    # Sub-section 0 is the core, which is always there and cannot be written in Fibonacci coding.
    bits.fibonacci_range("SubSections", 2)
    bits.end()


def _second(layout: Layout, text: str) -> dict[str, Any]:
    if layout.gpc:
        bits = Bits(text, f"{layout.name} GPC")
        if bits.integer(2, "SubsectionType") != 1:
            raise Refused(f"{layout.name}: the second segment is not of type GPC")
        facts: dict[str, Any] = {"Gpc": bits.flag("Gpc")}
    elif layout.sensitive:
        bits = Bits(text, f"{layout.name} sensitive data")
        facts = {"SensitiveDataProcessing": _value(bits, layout.name, ("SensitiveDataProcessing", 2, layout.sensitive))}
    else:
        raise Refused(f"{layout.name}: this section has one segment")
    bits.end()
    return facts
