"""Who may fetch a feed that has a token: by the token, by HTTP's password, or by an address signed until a moment."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

CHALLENGE = 'Basic realm="feed", charset="UTF-8"'


def may_read(token: str | None, feed: str, query: Mapping[str, str], headers: Mapping[str, str], now_ms: int) -> bool:
    """Say whether a request shows the token of a feed (``workspace/name``); without a token everybody may read it.

    Any of: ``?token=``; the password of ``Authorization: Basic`` (RFC 7617), whatever the user's name; ``?expires=``
    (epoch seconds) with ``?signature=`` of `signed`.
    """
    if token is None:
        return True
    shown = [query.get("token", ""), _password(headers.get("authorization", ""))]
    if any(hmac.compare_digest(each.encode(), token.encode()) for each in shown):
        return True
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if not (expires.isascii() and expires.isdecimal() and len(expires) < 12):
        return False
    return int(expires) * 1000 > now_ms and hmac.compare_digest(
        signature.encode(), _signature(token, feed, expires).encode()
    )


def signed(token: str, feed: str, expires_s: int) -> str:
    """Return the query of an address that may be read until ``expires_s`` (epoch seconds)."""
    return f"expires={expires_s}&signature={_signature(token, feed, str(expires_s))}"


def _signature(token: str, feed: str, expires: str) -> str:
    return hmac.new(token.encode(), f"{feed}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _password(header: str) -> str:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
