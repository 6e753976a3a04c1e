"""Ask a platform for an access token. Source: RFC 6749, sections 2.3.1, 4.4, 5.1, 5.2 and 6."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from rekindle.egress.answers import UNREADABLE, masked
from rekindle.egress.connector import Limits, OAuth, OutRequest
from rekindle.egress.http import Transport, TransportFailed

_LIMITS: Final = Limits(batch=1, timeout_ms=15_000, answer_bytes=65_536)


class Grant(msgspec.Struct, frozen=True):
    """What was given. ``refresh`` is empty where the old one stays good."""

    access: str
    refresh: str
    life_s: int


class GrantRefused(Exception):
    """The platform will not give a token for these means; the message is its word for why, masked."""


class _Answer(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: int | None = None
    error: str = ""
    error_description: str = ""


async def ask(oauth: OAuth, means: Mapping[str, str], transport: Transport) -> Grant:
    """Return a new token. Raises `GrantRefused`, and `TransportFailed` where asking again may help."""
    form: dict[str, str] = {"grant_type": oauth.grant}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if oauth.grant == "refresh_token":
        form["refresh_token"] = means["refresh_token"]
    if oauth.scope:
        form["scope"] = oauth.scope
    if oauth.basic:
        # Section 2.3.1: both are form-encoded before they are joined.
        client = f"{quote(means['client_id'], safe='')}:{quote(means['client_secret'], safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(client.encode()).decode()
    else:
        form |= {"client_id": means["client_id"], "client_secret": means["client_secret"]}
    answer = await transport.send(OutRequest("POST", oauth.url, headers, urlencode(form).encode(), ()), _LIMITS)
    try:
        body = msgspec.json.decode(answer.body, type=_Answer, strict=False)
    except UNREADABLE:
        body = _Answer()
    if 200 <= answer.status < 300 and body.access_token:
        life = body.expires_in if body.expires_in and body.expires_in > 0 else oauth.life_s
        return Grant(body.access_token, body.refresh_token, life)
    words = masked(f"HTTP {answer.status} {body.error} {body.error_description}".strip())
    if answer.status in (408, 425, 429) or answer.status >= 500 or not body.error:
        raise TransportFailed(words)
    raise GrantRefused(words)
