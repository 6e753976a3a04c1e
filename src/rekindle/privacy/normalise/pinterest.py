"""Pinterest Conversions API v5, "user_data"; every value is sent in an array. Gender knows ``n`` besides f and m."""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Context, Platform, Rule, Unusable


def _postal_code(value: str, context: Context) -> str:
    text = steps.postal_code(value, context)
    digits = "".join(letter for letter in text if letter.isdecimal())
    return digits if digits else text


def _gender(value: str, context: Context) -> str:
    if steps.composed(value).lower() in {"n", "non-binary", "nonbinary"}:
        return "n"
    return steps.gender(value, context)


def _name(value: str, context: Context) -> str:
    bare = steps.name(value, context).replace(" ", "")
    if not bare:
        raise Unusable("empty")
    return bare


PLATFORM = Platform(
    "pinterest",
    "Conversions API v5",
    {
        "email": Rule(steps.email),
        "phone": Rule(steps.phone_digits),
        "first_name": Rule(_name),
        "last_name": Rule(_name),
        "gender": Rule(_gender),
        "date_of_birth": Rule(steps.birth_date),
        "city": Rule(steps.place),
        "region": Rule(steps.us_state),
        "postal_code": Rule(_postal_code),
        "country": Rule(steps.country),
        "user_id": Rule(steps.trimmed),
    },
)
digest = PLATFORM.digest
