"""Snap Conversions API v3: names keep letters of every script (``raphaël``), places as Meta has them."""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Platform, Rule

PLATFORM = Platform(
    "snapchat",
    "Conversions API v3",
    {
        "email": Rule(steps.email),
        "phone": Rule(steps.phone_digits),
        "first_name": Rule(steps.name),
        "last_name": Rule(steps.name),
        "gender": Rule(steps.gender),
        "date_of_birth": Rule(steps.birth_date),
        "city": Rule(steps.place),
        "region": Rule(steps.us_state),
        "postal_code": Rule(steps.postal_code),
        "country": Rule(steps.country_by_name),
        "user_id": Rule(steps.trimmed),
    },
)
digest = PLATFORM.digest
