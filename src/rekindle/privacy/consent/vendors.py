"""What vendors declare in the Global Vendor List (GVL), as far as a decision needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from rekindle.model.clock import parse_rfc3339


class Vendor(msgspec.Struct, frozen=True):
    """One vendor: purposes it bases on consent, on legitimate interest, and where a publisher may switch the two."""

    id: int
    consent: frozenset[int] = frozenset()
    legitimate_interest: frozenset[int] = frozenset()
    flexible: frozenset[int] = frozenset()
    deleted_ms: int | None = None
    special_features: frozenset[int] = frozenset()


class VendorList(msgspec.Struct, frozen=True):
    """A list of vendors, its version and date (ms); ``version`` 0 where it has none.

    ``whole``: a vendor that it does not name does not exist. Otherwise it is an excerpt, and nothing is known of others.
    """

    version: int
    published_ms: int
    purposes: tuple[int, ...]
    vendors: Mapping[int, Vendor]
    whole: bool = True

    def vendor(self, number: int, purposes: frozenset[int]) -> Vendor | None:
        """Return a vendor's declaration, or None for one that does not exist.

        What an excerpt does not know is read strictly: consent for every purpose that is asked for.
        """
        found = self.vendors.get(number)
        return found if found is not None or self.whole else strict_vendor(number, purposes)

    def age_days(self, now_ms: int) -> int:
        """Return how old the list is: an installation without network decides with an old one and says so."""
        return max(0, now_ms - self.published_ms) // 86_400_000


class Vendors(Protocol):
    """Where decisions find declarations."""

    def read_by(self, version: int) -> VendorList:
        """Return the list by which a string that names ``version`` is read: that one, or the best there is."""
        ...


class VendorListError(ValueError):
    """The list cannot be read; the message names the place."""


_PURPOSES = tuple(range(1, 12))


class _Entry(msgspec.Struct):
    purposes: list[int] = msgspec.field(default_factory=list)
    legIntPurposes: list[int] = msgspec.field(default_factory=list)  # noqa: N815 - the list's own names
    flexiblePurposes: list[int] = msgspec.field(default_factory=list)  # noqa: N815
    specialFeatures: list[int] = msgspec.field(default_factory=list)  # noqa: N815
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
                frozenset(entry.specialFeatures),
            )
        published = 0 if raw.lastUpdated is None else _moment(raw.lastUpdated)
        purposes = _PURPOSES if not raw.purposes else tuple(sorted(int(key) for key in raw.purposes))
    except (msgspec.ValidationError, ValueError) as error:
        raise VendorListError(f"vendor list: {error}") from None
    return VendorList(raw.vendorListVersion, published, purposes, vendors)


def _moment(text: str) -> int:
    return parse_rfc3339(text if "T" in text else f"{text}T00:00:00+00:00")


def strict_vendor(number: int, purposes: frozenset[int]) -> Vendor:
    """Return the strictest reading of a vendor whose declaration is not at hand: consent for every purpose asked."""
    return Vendor(number, purposes)
