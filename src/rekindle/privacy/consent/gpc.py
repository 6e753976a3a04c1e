"""Global Privacy Control: the header ``Sec-GPC`` (W3C, Global Privacy Control)."""

from __future__ import annotations

from rekindle.privacy.consent.reading import Reading


def read_gpc(header: str | None) -> Reading:
    """Return ``signal`` for the value ``1`` and ``no_signal`` for any other: the specification knows no other value."""
    if header is None or not header.strip():
        return Reading("absent", "there is no Sec-GPC header")
    if header.strip(" \t") == "1":
        return Reading("signal", None, {"gpc": True})
    return Reading("no_signal", "the header's value is not 1")
