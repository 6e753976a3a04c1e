"""The vendors that destinations map to, a dated excerpt of the GVL.

An operator's own copy of the whole list (`rekindle vendors import`) takes its place.
"""

from __future__ import annotations

from typing import NamedTuple

from rekindle.model.clock import parse_rfc3339
from rekindle.privacy.consent.vendors import Vendor, VendorList


class Known(NamedTuple):
    """One vendor: its name, its declaration, and where that was read."""

    name: str
    vendor: Vendor
    source: str


_V45 = "GVL 45, 2024-03-21"
_V178 = "GVL 178, 2026-09-24"
_ALL = frozenset({1, 2, 3, 4, 7, 9, 10})
_GOOGLE = frozenset({2, 7, 9, 10})


def _by_consent(number: int, name: str, *purposes: int) -> Known:
    """Return a vendor that is asked for consent to every purpose it declared, those on legitimate interest too.

    A list of that age says which purposes there are; that an interest still stands it does not say.
    """
    return Known(name, Vendor(number, frozenset(purposes)), _V45)


TABLE: dict[int, Known] = {
    755: Known("Google Advertising Products", Vendor(755, frozenset({1, 3, 4}), _GOOGLE, _GOOGLE), _V178),
    91: Known("Criteo", Vendor(91, _ALL, frozenset(), frozenset({10})), _V45),
    16: Known("RTB House", Vendor(16, _ALL), _V45),
    1126: _by_consent(1126, "Microsoft Advertising", 1, 2, 3, 4, 7, 9, 10),
    32: _by_consent(32, "Xandr", 1, 2, 3, 4, 7, 10),
    804: _by_consent(804, "LinkedIn", 1, 2, 3, 4, 7, 9, 10),
    793: _by_consent(793, "Amazon Advertising", 1, 2, 3, 4, 7, 9, 10),
    68: _by_consent(68, "Amazon ad server", 1, 2, 3, 4, 7, 9, 10),
    21: _by_consent(21, "The Trade Desk", 1, 2, 3, 4, 7, 10),
    42: _by_consent(42, "Taboola", 1, 2, 3, 4, 5, 6, 7, 8, 10, 11),
    164: _by_consent(164, "Outbrain", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    132: _by_consent(132, "Teads", 1, 2, 3, 4, 7, 9, 10),
    50: _by_consent(50, "Adform", 1, 2, 3, 4, 7, 10),
    130: _by_consent(130, "NextRoll", 1, 2, 3, 4, 5, 6, 7, 9, 10),
    25: _by_consent(25, "Yahoo", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    10: _by_consent(10, "Index Exchange", 1, 2, 7, 10),
    264: _by_consent(264, "Adobe Advertising Cloud", 1, 2, 3, 4, 7, 10),
    565: _by_consent(565, "Adobe Audience Manager", 1, 10),
    907: _by_consent(907, "AWIN", 1, 7),
}
"""By vendor id. Not on the list of version 45, so without an id: Meta, TikTok, Pinterest, Snap, Reddit."""

KNOWN = VendorList(
    45,
    # The oldest of the sources: what is shown as the excerpt's age must not flatter it.
    parse_rfc3339("2024-03-21T16:00:00+00:00"),
    tuple(range(1, 12)),
    {number: known.vendor for number, known in TABLE.items()},
    whole=False,
)
"""The excerpt as a list; of vendors that it does not hold only consent to every purpose counts."""


class Excerpt:
    """The list that is always there (`Vendors`)."""

    def read_by(self, version: int) -> VendorList:
        """Return the excerpt, whatever the string names."""
        del version
        return KNOWN
