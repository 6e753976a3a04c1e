"""The US Privacy string: ``1``, notice, opt-out of sale, LSPA (IAB CCPA Compliance Framework v1, deprecated, still seen)."""

from __future__ import annotations

from rekindle.privacy.consent.reading import Reading


def read_usp(text: str | None) -> Reading:
    """Return the verdict on a US Privacy string. ``1---`` is valid and says that the law does not apply."""
    if text is None or not text.strip():
        return Reading("absent", "there is no US Privacy string")
    if len(text) != 4 or not text.isascii():
        return Reading("malformed", "not four characters")
    if text[0] != "1":
        if text[0].isdigit():
            return Reading("unsupported_version", f"version {text[0]} is not 1")
        return Reading("malformed", "the version is not a digit")
    if any(letter not in "YN-" for letter in text[1:]):
        return Reading("malformed", "a character is none of Y, N and -")
    facts = {"version": 1, "notice": text[1], "opt_out_sale": text[2], "lspa_covered": text[3]}
    return Reading("valid", None, facts)
