"""What vendors declare in the Global Vendor List (GVL), as far as a decision needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rekindle.model.clock import parse_rfc3339


class Vendor(msgspec.Struct, frozen=True):
    """One vendor: purposes it bases on consent, on legitimate interest, and where a publisher may switch the two."""

    id: int
    consent: frozenset[int] = frozenset()
    legitimate_interest: frozenset[int] = frozenset()
    flexible: frozenset[int] = frozenset()
    deleted_ms: int | None = None


class VendorList(msgspec.Struct, frozen=True):
    """A list of vendors, its version and date (ms); ``version`` 0 where it has none."""

    version: int
    published_ms: int
    purposes: tuple[int, ...]
    vendors: Mapping[int, Vendor]

    def age_days(self, now_ms: int) -> int:
        """Return how old the list is: an installation without network decides with an old one and says so."""
        return max(0, now_ms - self.published_ms) // 86_400_000


class VendorListError(ValueError):
    """The list cannot be read; the message names the place."""


_PURPOSES = tuple(range(1, 12))


class _Entry(msgspec.Struct):
    purposes: list[int] = msgspec.field(default_factory=list)
    legIntPurposes: list[int] = msgspec.field(default_factory=list)  # noqa: N815 - the list's own names
    flexiblePurposes: list[int] = msgspec.field(default_factory=list)  # noqa: N815
    deletedDate: str | None = None  # noqa: N815


class _List(msgspec.Struct):
    vendors: dict[str, _Entry]
    vendorListVersion: int = 0  # noqa: N815
    lastUpdated: str | None = None  # noqa: N815
    purposes: dict[str, Any] | None = None


def read_vendor_list(document: object) -> VendorList:
    """Read a decoded ``vendor-list.json`` (GVL specification versions 2 and 3). Raises `VendorListError`."""
    try:
        raw = msgspec.convert(document, _List)
        vendors = {}
        for key, entry in raw.vendors.items():
            number = int(key)
            vendors[number] = Vendor(
                number,
                frozenset(entry.purposes),
                frozenset(entry.legIntPurposes),
                frozenset(entry.flexiblePurposes),
                None if entry.deletedDate is None else _moment(entry.deletedDate),
            )
        published = 0 if raw.lastUpdated is None else _moment(raw.lastUpdated)
        purposes = _PURPOSES if not raw.purposes else tuple(sorted(int(key) for key in raw.purposes))
    except (msgspec.ValidationError, ValueError) as error:
        raise VendorListError(f"vendor list: {error}") from None
    return VendorList(raw.vendorListVersion, published, purposes, vendors)


def _moment(text: str) -> int:
    return parse_rfc3339(text if "T" in text else f"{text}T00:00:00+00:00")


# Declarations of GVL version 45 (2024-03-21), the newest that could be checked; an operator's own list replaces them.
KNOWN = VendorList(
    45,
    parse_rfc3339("2024-03-21T16:00:00+00:00"),
    _PURPOSES,
    {
        755: Vendor(755, frozenset({1, 3, 4}), frozenset({2, 7, 9, 10}), frozenset({2, 7, 9, 10})),  # Google
        91: Vendor(91, frozenset({1, 2, 3, 4, 7, 9, 10}), frozenset(), frozenset({10})),  # Criteo
        16: Vendor(16, frozenset({1, 2, 3, 4, 7, 9, 10}), frozenset(), frozenset()),  # RTB House
    },
)
"""The vendors whose declarations are known here. Of others only consent to every purpose counts (`strict_vendor`)."""


def strict_vendor(number: int, purposes: frozenset[int]) -> Vendor:
    """Return the strictest reading of a vendor whose declaration is not at hand: consent for every purpose asked."""
    return Vendor(number, purposes)
