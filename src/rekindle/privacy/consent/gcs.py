"""Google consent mode on the wire, short form: ``gcs=G1xy`` (as documented by the community)."""

from __future__ import annotations

from rekindle.privacy.consent.reading import Reading

_STATES = {"1": "granted", "0": "denied", "-": None}


def read_gcs(text: str | None) -> Reading:
    """Return the verdict on a ``gcs`` value. Facts: ``ad_storage``, ``analytics_storage``; None is "not set"."""
    if text is None or not text.strip():
        return Reading("absent", "there is no gcs value")
    if len(text) != 4 or text[0] != "G" or not text[1].isascii() or not text[1].isdigit():
        return Reading("malformed", "not G, a version and two states")
    if text[1] != "1":
        return Reading("unsupported_version", f"version {text[1]} is not 1")
    if text[2] not in _STATES or text[3] not in _STATES:
        return Reading("malformed", "a state is none of 1, 0 and -")
    return Reading("valid", None, {"ad_storage": _STATES[text[2]], "analytics_storage": _STATES[text[3]]})
