"""Amazon Ads Events API v1: letters a–z, digits, and in addresses ``. @ + -``; everything lower case.

Amazon removes all other characters. What it means for letters of other scripts is not said, so a name that has one is
left out rather than hashed without it.
"""

from __future__ import annotations

import re

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Context, Platform, Rule, Unusable

_PLAIN = re.compile(r"[^a-z0-9]")
_EMAIL = re.compile(r"[^a-z0-9.@+-]")


def _email(value: str, context: Context) -> str:
    address = steps.email(value, context)
    if not address.isascii():
        raise Unusable("letters-not-accepted")
    return _EMAIL.sub("", address)


def _plain(value: str, context: Context) -> str:
    text = steps.lowered(value, context)
    if any(letter.isalpha() and not letter.isascii() for letter in text):
        raise Unusable("letters-not-accepted")
    return _PLAIN.sub("", text)


def _postal_code(value: str, _context: Context) -> str:
    return "".join(steps.composed(value).lower().split())


PLATFORM = Platform(
    "amazon",
    "Events API v1",
    {
        "email": Rule(_email),
        "phone": Rule(steps.phone_digits),
        "first_name": Rule(_plain),
        "last_name": Rule(_plain),
        "street": Rule(_plain),
        "city": Rule(_plain),
        "region": Rule(_plain),
        "postal_code": Rule(_postal_code),
        "country": Rule(steps.country_upper, hashed=False),
    },
)
digest = PLATFORM.digest
