"""The fields of every US section of GPP, as data: (name, bits, how many). Source: IAB Tech Lab, GPP, Sections.

Values of 2-bit fields: 0 not applicable; 1 yes, opted out, or no consent; 2 no, did not opt out, or consent;
3 is not defined. Where the specification and IAB Tech Lab's own encoder differ (Indiana, Kentucky, Maryland, Rhode
Island: the section header), both forms are read (`gpp.py`).
"""

from __future__ import annotations

from typing import NamedTuple

Field = tuple[str, int, int]  # a count of 0 is a single value, otherwise a list


class Layout(NamedTuple):
    """One version of one section: the core's fields, and which further segments it may have."""

    section: int
    name: str
    version: int
    core: tuple[Field, ...]
    gpc: bool
    sensitive: int = 0  # how many values the Sensitive Data Consents segment has; 0: there is none
    headed: bool = False  # has MspaVersion instead of Version, and may have a section header


def _two(*names: str) -> tuple[Field, ...]:
    return tuple((name, 2, 0) for name in names)


def _many(name: str, count: int) -> tuple[Field, ...]:
    return ((name, 2, count),)


_VERSION: tuple[Field, ...] = (("Version", 6, 0),)
_MSPA = _two("MspaCoveredTransaction", "MspaOptOutOptionMode", "MspaServiceProviderMode")
_NOTICES = ("SaleOptOutNotice", "TargetedAdvertisingOptOutNotice")
_CHOICES = ("SaleOptOut", "TargetedAdvertisingOptOut")
_CHILD = "KnownChildSensitiveDataConsents"
_MORE = _two("AdditionalDataProcessingConsent")


def _national(version: int, sensitive: int, child: int) -> Layout:
    core = (
        *_VERSION,
        *_two("SharingNotice", "SaleOptOutNotice", "SharingOptOutNotice", "TargetedAdvertisingOptOutNotice"),
        *_two("SensitiveDataProcessingOptOutNotice", "SensitiveDataLimitUseNotice"),
        *_two("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"),
        *_many("SensitiveDataProcessing", sensitive),
        *_many(_CHILD, child),
        *_two("PersonalDataConsents"),
        *_MSPA,
    )
    return Layout(7, "usnat", version, core, gpc=True)


def _state(
    section: int, name: str, notice: str, sensitive: int, child: int, *, gpc: bool, more: bool, extra: str | None = None
) -> Layout:
    notices = (notice, *_NOTICES) if extra is None else (notice, *_NOTICES, extra)
    core = (
        *_VERSION,
        *_two(*notices, *_CHOICES),
        *_many("SensitiveDataProcessing", sensitive),
        *_many(_CHILD, child),
        *(_MORE if more else ()),
        *_MSPA,
    )
    return Layout(section, name, 1, core, gpc)


def _headed(section: int, name: str, *, gpc: bool, child: bool, sensitive: int) -> Layout:
    core = (
        ("MspaVersion", 6, 0),
        *_two("MspaCoveredTransaction", "MspaMode", "ProcessingNotice", *_NOTICES, *_CHOICES),
        *(_two(_CHILD) if child else ()),
        *_MORE,
    )
    return Layout(section, name, 1, core, gpc, sensitive, headed=True)


_CALIFORNIA = Layout(
    8,
    "usca",
    1,
    (
        *_VERSION,
        *_two("SaleOptOutNotice", "SharingOptOutNotice", "SensitiveDataLimitUseNotice", "SaleOptOut", "SharingOptOut"),
        *_many("SensitiveDataProcessing", 9),
        *_many(_CHILD, 2),
        *_two("PersonalDataConsents"),
        *_MSPA,
    ),
    gpc=True,
)

_ALL = (
    _national(1, 12, 2),
    _national(2, 16, 3),
    _CALIFORNIA,
    _state(9, "usva", "SharingNotice", 8, 0, gpc=False, more=False),
    _state(10, "usco", "SharingNotice", 7, 0, gpc=True, more=False),
    _state(11, "usut", "SharingNotice", 8, 0, gpc=False, more=False, extra="SensitiveDataProcessingOptOutNotice"),
    _state(12, "usct", "SharingNotice", 8, 3, gpc=True, more=False),
    _state(13, "usfl", "ProcessingNotice", 8, 3, gpc=False, more=True),
    _state(14, "usmt", "SharingNotice", 8, 3, gpc=True, more=True),
    _state(15, "usor", "ProcessingNotice", 11, 3, gpc=True, more=True),
    _state(16, "ustx", "ProcessingNotice", 8, 0, gpc=True, more=True),
    _state(17, "usde", "ProcessingNotice", 9, 5, gpc=True, more=True),
    _state(18, "usia", "ProcessingNotice", 8, 0, gpc=True, more=False, extra="SensitiveDataOptOutNotice"),
    _state(19, "usne", "ProcessingNotice", 8, 0, gpc=True, more=True),
    _state(20, "usnh", "ProcessingNotice", 8, 3, gpc=True, more=True),
    _state(21, "usnj", "ProcessingNotice", 10, 5, gpc=True, more=True),
    _state(22, "ustn", "ProcessingNotice", 8, 0, gpc=True, more=True),
    _state(23, "usmn", "ProcessingNotice", 8, 0, gpc=True, more=True),
    _headed(24, "usmd", gpc=True, child=False, sensitive=0),
    _headed(25, "usin", gpc=False, child=True, sensitive=8),
    _headed(26, "usky", gpc=False, child=True, sensitive=8),
    _headed(27, "usri", gpc=False, child=True, sensitive=8),
)

LAYOUTS: dict[int, dict[int, Layout]] = {}
"""Layouts by section id, then by version."""
for _one in _ALL:
    LAYOUTS.setdefault(_one.section, {})[_one.version] = _one
