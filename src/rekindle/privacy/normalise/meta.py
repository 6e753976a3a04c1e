"""Meta Conversions API v25 and Custom Audiences, "Customer information parameters".

Where Meta's two libraries disagree, the documentation counts: letters of every script stay, punctuation goes, a
postal code loses its dash and nothing behind it (except the last four of a US code).
"""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Platform, Rule

PLATFORM = Platform(
    "meta",
    "Conversions API v25",
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
