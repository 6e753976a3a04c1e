"""Google Ads, Data Manager API and GA4: user-provided data.

Only gmail.com and googlemail.com lose the dots of the local part and their ``+suffix`` (Data Manager API, "Format user
data"; its first utilities left the suffix, and the choice ``google_gmail_plus`` = ``keep`` does as they did). Country
and postal code are sent in clear.
"""

from __future__ import annotations

import re

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Context, Platform, Rule

_TITLE = re.compile(r"^(?:mr|mrs|ms|miss|dr)\.?\s+")
_SUFFIX = re.compile(r"(?:,\s*|\s+)(?:jr\.?|sr\.?|2nd|3rd|ii|iii|iv|v|vi|cpa|dc|dds|vm|jd|md|phd)$")


def _email(value: str, context: Context) -> str:
    address = steps.email(value, context)
    local, _at, domain = address.partition("@")
    if domain in {"gmail.com", "googlemail.com"}:
        local = local.replace(".", "")
        if context.choices.get("google_gmail_plus") != "keep":
            local = local.partition("+")[0]
        if not local:
            return ""
    return f"{local}@{domain}"


def _first_name(value: str, context: Context) -> str:
    return _TITLE.sub("", steps.lowered(value, context)).strip()


def _last_name(value: str, context: Context) -> str:
    return _SUFFIX.sub("", steps.lowered(value, context)).strip()


PLATFORM = Platform(
    "google",
    "Data Manager API v1",
    {
        "email": Rule(_email),
        "phone": Rule(steps.e164),
        "first_name": Rule(_first_name),
        "last_name": Rule(_last_name),
        "postal_code": Rule(steps.trimmed, hashed=False),
        "country": Rule(steps.country_upper, hashed=False),
        "user_id": Rule(steps.trimmed, hashed=False),
    },
)
digest = PLATFORM.digest
