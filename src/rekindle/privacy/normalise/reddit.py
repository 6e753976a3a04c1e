"""Reddit Conversions API v3: an address loses its ``+alias`` and everything but letters and digits before the @."""

from __future__ import annotations

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Context, Platform, Rule


def _email(value: str, context: Context) -> str:
    local, _at, domain = steps.email(value, context).partition("@")
    local = "".join(letter for letter in local.partition("+")[0] if letter.isalnum())
    return f"{local}@{domain}" if local else ""


PLATFORM = Platform(
    "reddit",
    "Conversions API v3",
    {"email": Rule(_email), "phone": Rule(steps.e164), "user_id": Rule(steps.trimmed)},
)
digest = PLATFORM.digest
