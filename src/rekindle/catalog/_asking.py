"""What accounts share: reading answers of JSON, the usual troubles, headers, signatures of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from rekindle.catalog.account import Answer, Ask, Trouble, Unsigned
from rekindle.egress.answers import retry_after_ms
from rekindle.egress.connector import SettingsError
from rekindle.egress.request import host_of

_json: Final = msgspec.json.Decoder(float_hook=str)
_WAIT_MS: Final = 5_000
_TOLERANCE_MS: Final = 300_000


def usual(answer: Answer) -> Trouble | None:
    """Return what a status means on every platform (RFC 9110, RFC 6585), or None for one that is worth reading."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        return Trouble("wait", f"over the quota (HTTP {status})", retry_after_ms(answer) or _WAIT_MS)
    if status == 408 or status >= 500:
        return Trouble("again", f"the shop answered HTTP {status}", retry_after_ms(answer))
    if status in (401, 403):
        return Trouble("denied", f"the shop refused the credentials (HTTP {status}); look at key and permissions")
    if 300 <= status < 400:
        return Trouble("broken", f"the shop answers with a redirect (HTTP {status}); write its final address")
    return Trouble("broken", f"the shop answered HTTP {status}")


def body_of(answer: Answer) -> Any:
    """Return the answer's JSON, numbers with a point as the text that was written, or a `Trouble`."""
    try:
        return _json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if answer.body.lstrip()[:1] == b"<":
            return Trouble("again", "the shop answered with a page, not with JSON; look at address and firewall")
        return Trouble("again", "the shop's answer is no JSON, or was cut short")


def objects(found: Any) -> list[dict[str, Any]] | Trouble:
    """Return a list of objects, or say that this is none."""
    if isinstance(found, Trouble):
        return found
    if isinstance(found, list) and all(isinstance(each, dict) for each in found):
        return found
    return Trouble("broken", "the shop's answer has another shape than its documentation says")


class ByKey:
    """An account whose secrets are all it takes: nothing is asked for first."""

    def login(self) -> Ask | None:
        """Ask for nothing."""
        return None

    def token(self, answer: Answer) -> str | Trouble:
        """Take nothing."""
        return ""


class ByToken:
    """An account that asks for an access token first. ``refused`` are the statuses that mean wrong credentials there."""

    refused: ClassVar[frozenset[int]] = frozenset({400})

    def token(self, answer: Answer) -> str | Trouble:
        """Read the token of an answer (RFC 6749, 5.1)."""
        if answer.status in self.refused:
            return Trouble("denied", "the credentials were refused; look at them")
        if trouble := usual(answer):
            return trouble
        found = body_of(answer)
        if isinstance(found, Trouble):
            return found
        token = found.get("access_token") if isinstance(found, dict) else None
        return token if isinstance(token, str) and token else Trouble("broken", "the answer holds no access token")


def get(base: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any] | None = None) -> Ask:
    """Return a GET below ``base``."""
    asked = f"?{urlencode(query)}" if query else ""
    return Ask("GET", f"{base}{path}{asked}", {"Accept": "application/json", **headers})


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic authentication (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """Return the header of a bearer token (RFC 6750)."""
    return {"Authorization": f"Bearer {token}"}


def shop_address(source: str, setting: str, url: str) -> str:
    """Return a shop's address without a slash at the end. Raises `SettingsError`; clear text only to this machine."""
    host = host_of(url)
    parts = urlsplit(url) if host else None
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(f"{source}: {setting} must be the shop's address, such as https://shop.example")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsError(f"{source}: {setting} must be https, because the key travels with every request")
    return url.rstrip("/")


def check_hmac(body: bytes, given: str, secret: str) -> None:
    """Compare a base64 HMAC-SHA256 of the raw body in constant time. Raises `Unsigned`."""
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not given or not hmac.compare_digest(wanted, given.strip().encode()):
        raise Unsigned


def check_standard(headers: Mapping[str, str], body: bytes, secret: str, now_ms: int) -> None:
    """Check a signature of Standard Webhooks 1.0, at most five minutes old. Raises `Unsigned`.

    ``secret`` is the key itself, or its base64 form after ``whsec_``.
    """
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    seconds = whole_number(stamp)
    if not name or seconds is None or abs(now_ms - seconds * 1000) > _TOLERANCE_MS:
        raise Unsigned
    try:
        key = base64.b64decode(secret[6:] + "==") if secret.startswith("whsec_") else secret.encode()
    except ValueError:
        raise Unsigned from None
    signed = f"{name}.{stamp}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(wanted, one.encode()) for one in given):
        raise Unsigned


def hook_body(body: bytes) -> dict[str, Any]:
    """Return a webhook's JSON object, empty when it is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def whole_number(text: str | None) -> int | None:
    """Return a header's number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
