"""Google's Additional Consent string: ad technology providers that are not on the IAB's list.

Source: Google, Additional Consent Mode technical specification, versions 1 and 2.
"""

from __future__ import annotations

import re

from rekindle.privacy.consent.reading import Reading

_LONGEST = 64_000
_VERSION = re.compile(r"[0-9]{1,3}")
_IDS = re.compile(r"(?:[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})*)?")


def read_ac(text: str | None) -> Reading:
    """Return the verdict on an AC string.

    Facts: ``version``, ``consented`` and, in version 2, ``disclosed``; provider ids ascending.
    """
    if text is None or not text.strip():
        return Reading("absent", "there is no AC string")
    if len(text) > _LONGEST:
        return Reading("malformed", f"longer than {_LONGEST} characters")
    version, tilde, rest = text.partition("~")
    if not tilde or not _VERSION.fullmatch(version):
        return Reading("malformed", "does not begin with a version and ~")
    if version not in {"1", "2"}:
        return Reading("unsupported_version", f"version {int(version)} is neither 1 nor 2")
    consented, tilde, disclosed = rest.partition("~")
    if version == "1":
        if tilde:
            return Reading("malformed", "version 1 has one list")
    elif not disclosed.startswith("dv."):
        return Reading("malformed", "version 2 has no dv. list")
    disclosed = disclosed.removeprefix("dv.")
    if not _IDS.fullmatch(consented) or not _IDS.fullmatch(disclosed):
        return Reading("malformed", "a list is not of provider ids joined by dots")
    granted, shown = _ids(consented), _ids(disclosed)
    if len(set(granted)) != len(granted) or len(set(shown)) != len(shown):
        return Reading("malformed", "a provider id is listed twice")
    facts: dict[str, object] = {"version": int(version), "consented": granted}
    if version == "2":
        facts["disclosed"] = shown
    return Reading("valid", None, facts)


def _ids(text: str) -> list[int]:
    return sorted(int(part) for part in text.split(".")) if text else []
