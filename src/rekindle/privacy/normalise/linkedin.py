"""LinkedIn Conversions API: ``SHA256_EMAIL`` hashed; first and last name and country in clear (both names or none)."""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Platform, Rule

PLATFORM = Platform(
    "linkedin",
    "Conversions API 202603",
    {
        "email": Rule(steps.email),
        "first_name": Rule(steps.trimmed, hashed=False),
        "last_name": Rule(steps.trimmed, hashed=False),
        "country": Rule(steps.country_upper, hashed=False),
    },
)
digest = PLATFORM.digest
