"""Microsoft UET Conversions API and enhanced conversions: an address loses its dots and its ``+alias``.

The documents leave the phone number's ``+`` open; it stays (E.164), unless the choice ``microsoft_phone`` is
``digits``.
"""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Context, Platform, Rule


def _email(value: str, context: Context) -> str:
    local, _at, domain = steps.email(value, context).partition("@")
    local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}" if local else ""


def _phone(value: str, context: Context) -> str:
    number = steps.e164(value, context)
    return number[1:] if context.choices.get("microsoft_phone") == "digits" else number


PLATFORM = Platform(
    "microsoft",
    "UET Conversions API v1",
    {"email": Rule(_email), "phone": Rule(_phone), "user_id": Rule(steps.trimmed)},
)
digest = PLATFORM.digest
