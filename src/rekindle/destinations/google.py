"""What Google's destinations share: identifiers, consent, and the errors of its APIs.

Sources: Data Manager API v1 (UserData, Consent, "Errors"), Google Ads API (UserIdentifier, "Handle errors"),
google.rpc.Status. An address counts only when it is whole: both names, country and postal code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from rekindle.destinations.replies import by_status
from rekindle.destinations.shared import context, identifier, told
from rekindle.egress.answers import masked, retry_after_ms, same
from rekindle.egress.connector import Answer, Disposition, OAuth, Retry, Verdict
from rekindle.egress.google_errors import HOLD, RETRY, asked_delay_ms, read_error
from rekindle.model.event import Consent, LimitedDataUse, User
from rekindle.privacy.normalise.google import PLATFORM

USER_FIELDS: Final = frozenset(
    {"user.email", "user.phone", "user.first_name", "user.last_name", "user.postal_code", "user.country"}
)
# Source: Google OAuth 2.0 for web server applications.
OAUTH: Final = OAuth(url="https://oauth2.googleapis.com/token")
# ``events.events[3].currency`` or ``audienceMembers[3]``; an index of ``destinations[0]`` is no event's.
_INDEX = re.compile(r"(?:^|\.)(?:events|audience_?members)\[(\d{1,5})\]", re.ASCII | re.IGNORECASE)
_SETUP = re.compile(r"(?:^|\.)destinations?\b", re.ASCII | re.IGNORECASE)


def consent_of(consent: Consent, ldu: LimitedDataUse | None, *, limited: bool = False) -> tuple[str, str]:
    """Return "GRANTED", "DENIED" or "" for the use of data and for personalised ads; limited use denies the latter."""
    data = told(consent, "ad_user_data", granted="GRANTED", denied="DENIED")
    personal = told(consent, "ad_personalization", granted="GRANTED", denied="DENIED")
    return data, "DENIED" if limited or (ldu is not None and ldu.enabled) else personal


def identifiers(user: User, region: str | None, plus: str = "cut") -> dict[str, str]:
    """Return what Google can match, hashed where it wants it, by our field names; address parts only all together."""
    given = context(user, region, google_gmail_plus=plus)
    found = {name: identifier(PLATFORM, user, name, given) for name in ("email", "phone")}
    whole = {
        name: identifier(PLATFORM, user, name, given) for name in ("first_name", "last_name", "postal_code", "country")
    }
    if all(whole.values()):
        found |= whole
    return {name: text for name, text in found.items() if text}


def user_identifiers(found: dict[str, str]) -> list[dict[str, Any]]:
    """Return ``userData.userIdentifiers`` of the Data Manager API: one object for each identifier."""
    listed: list[dict[str, Any]] = []
    if "email" in found:
        listed.append({"emailAddress": found["email"]})
    if "phone" in found:
        listed.append({"phoneNumber": found["phone"]})
    if "country" in found:
        listed.append(
            {
                "address": {
                    "givenName": found["first_name"],
                    "familyName": found["last_name"],
                    "regionCode": found["country"],
                    "postalCode": found["postal_code"],
                }
            }
        )
    return listed


def refusal(answer: Answer, size: int) -> Verdict:
    """Return what an answer that is not 2xx means. Named events are refused; without a name, the batch is parted."""
    error = read_error(answer)
    if error is None:
        return by_status(answer, size, unauthorised="refresh")
    violations = [violation for detail in error.details for violation in detail.fieldViolations]
    said = "; ".join(f"{violation.field}: {violation.description}" for violation in violations[:3])
    words = masked(f"{error.status or error.code}: {said or error.message}")
    trace = next((detail.requestId for detail in error.details if detail.requestId), "")
    if answer.status == 401 or error.status == "UNAUTHENTICATED":
        return same("hold", size, credential_action="refresh", words=words, trace=trace)
    if answer.status == 403 or error.status in HOLD:
        return same("hold", size, credential_action="stop", words=words, trace=trace)
    wait = max(retry_after_ms(answer), asked_delay_ms(error))
    if answer.status == 429 or error.status == "RESOURCE_EXHAUSTED":
        return same("retry", size, retry=Retry(wait, throttled=True), words=words, trace=trace)
    if answer.status >= 500 or error.status in RETRY:
        return same("retry", size, retry=Retry(wait), words=words, trace=trace)
    if answer.status == 400:
        named = [violation.field for violation in violations]
        if named and all(_SETUP.search(field) for field in named):
            # The account is not set up as Google knows it: nothing is wrong with any event.
            return same("hold", size, credential_action="stop", words=words, trace=trace)
        return Verdict(parted(named, size), words=words, trace=trace)
    return by_status(answer, size, words=words, trace=trace, unauthorised="refresh")


def parted(fields: Sequence[str], size: int) -> tuple[Disposition, ...]:
    """Mark the events that ``fields`` name by index (``events.events[3].currency``) and send the others again."""
    if size == 1:
        return ("permanent",)
    named = {int(found[1]) for field in fields if (found := _INDEX.search(field))}
    named = {index for index in named if index < size}
    return tuple("permanent" if index in named else "split" for index in range(size))
