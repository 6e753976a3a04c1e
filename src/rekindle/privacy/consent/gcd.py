"""Google consent mode on the wire, long form: ``gcd=11<a>1<b>1<c>1<d>5`` (as documented by the community).

A letter tells default and update: ``l`` not set, ``p q r`` default denied, ``t u v`` default granted, ``m n`` update
only.
"""

from __future__ import annotations

import re

from rekindle.privacy.consent.reading import Reading

_FORM = re.compile(r"(1)([1-3])([a-z])([1-3])([a-z])([1-3])([a-z])([1-3])([a-z])([1-7])(?:[a-z][1-7])?")
SIGNALS = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")
# letter: (default, update)
_LETTERS: dict[str, tuple[str | None, str | None]] = {
    "l": (None, None),
    "m": (None, "denied"),
    "n": (None, "granted"),
    "p": ("denied", None),
    "q": ("denied", "denied"),
    "r": ("denied", "granted"),
    "t": ("granted", None),
    "u": ("granted", "denied"),
    "v": ("granted", "granted"),
}


def read_gcd(text: str | None) -> Reading:
    """Return the verdict on a ``gcd`` value. Facts: each signal's state; None is "not set"."""
    if text is None or not text.strip():
        return Reading("absent", "there is no gcd value")
    found = _FORM.fullmatch(text)
    if found is None:
        return Reading("malformed", "not 11, four letters with digits between them, and 5")
    facts: dict[str, str | None] = {}
    for signal, letter in zip(SIGNALS, found.groups()[2::2], strict=False):
        if letter not in _LETTERS:
            return Reading("malformed", f"the letter of {signal} has no meaning")
        default, update = _LETTERS[letter]
        facts[signal] = update or default
    return Reading("valid", None, facts)
