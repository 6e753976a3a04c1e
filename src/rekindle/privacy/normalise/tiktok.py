"""TikTok Events API 2.0, "user" parameters. City, region and country go in clear, in lower case.

The documents disagree on the phone number's ``+``; it stays (E.164), unless the choice ``tiktok_phone`` is ``digits``.
"""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Context, Platform, Rule


def _phone(value: str, context: Context) -> str:
    number = steps.e164(value, context)
    return number[1:] if context.choices.get("tiktok_phone") == "digits" else number


PLATFORM = Platform(
    "tiktok",
    "Events API 2.0",
    {
        "email": Rule(steps.email),
        "phone": Rule(_phone),
        "first_name": Rule(steps.lowered),
        "last_name": Rule(steps.lowered),
        "postal_code": Rule(steps.postal_code),
        "city": Rule(steps.lowered, hashed=False),
        "region": Rule(steps.lowered, hashed=False),
        "country": Rule(steps.country, hashed=False),
        "user_id": Rule(steps.trimmed),
    },
)
digest = PLATFORM.digest
