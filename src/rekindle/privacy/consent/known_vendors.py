"""The vendors that destinations map to, as far as their declarations could be checked: a dated excerpt of the GVL.

An operator's own copy of the whole list (`rekindle vendors import`) takes its place.
"""

from __future__ import annotations

from typing import NamedTuple

from rekindle.model.clock import parse_rfc3339
from rekindle.privacy.consent.vendors import Vendor, VendorList


class Known(NamedTuple):
    """One vendor: its name, its declaration where it is known, and where that was read.

    ``checked`` False: only the number is known, so consent for every purpose is demanded (`strict_vendor`).
    """

    name: str
    vendor: Vendor | None
    source: str
    checked: bool


_V45 = "GVL 45, 2024-03-21"
_V178 = "GVL 178, 2026-09-24"
_NUMBER = "number from GVL 45 (2024-03-21); declaration not checked"
_ALL = frozenset({1, 2, 3, 4, 7, 9, 10})
_GOOGLE = frozenset({2, 7, 9, 10})


def _unchecked(name: str) -> Known:
    return Known(name, None, _NUMBER, checked=False)


TABLE: dict[int, Known] = {
    755: Known("Google Advertising Products", Vendor(755, frozenset({1, 3, 4}), _GOOGLE, _GOOGLE), _V178, checked=True),
    91: Known("Criteo", Vendor(91, _ALL, frozenset(), frozenset({10})), _V45, checked=True),
    16: Known("RTB House", Vendor(16, _ALL), _V45, checked=True),
    1126: _unchecked("Microsoft Advertising"),
    32: _unchecked("Xandr"),
    804: _unchecked("LinkedIn"),
    793: _unchecked("Amazon Advertising"),
    68: _unchecked("Amazon ad server"),
    21: _unchecked("The Trade Desk"),
    42: _unchecked("Taboola"),
    164: _unchecked("Outbrain"),
    132: _unchecked("Teads"),
    50: _unchecked("Adform"),
    130: _unchecked("NextRoll"),
    25: _unchecked("Yahoo"),
    10: _unchecked("Index Exchange"),
    264: _unchecked("Adobe Audience Manager"),
    565: _unchecked("Adobe Advertising"),
    907: _unchecked("AWIN"),
}
"""By vendor id. Not on the list of version 45, so without an id: Meta, TikTok, Pinterest, Snap, Reddit."""

KNOWN = VendorList(
    45,
    # The oldest of the sources: what is shown as the excerpt's age must not flatter it.
    parse_rfc3339("2024-03-21T16:00:00+00:00"),
    tuple(range(1, 12)),
    {number: known.vendor for number, known in TABLE.items() if known.vendor is not None},
    whole=False,
)
"""The excerpt as a list; of vendors that it does not hold only consent to every purpose counts."""


class Excerpt:
    """The list that is always there (`Vendors`)."""

    def read_by(self, version: int) -> VendorList:
        """Return the excerpt, whatever the string names."""
        del version
        return KNOWN
