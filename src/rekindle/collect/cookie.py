"""The first-party visitor cookie: set by the server after consent, deleted on withdrawal."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache

from rekindle.workspace import Shop

NAME = "rk_id"
_VALUE = re.compile(r"1\.[A-Za-z0-9_-]{22}")
_PAIR = re.compile(r"(?:^|;)\s*rk_id=([^;]*)")
_DAY_S = 86_400


def new_visitor(random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return a new visitor id: 128 random bits, which nobody can guess, so that it needs no signature."""
    return "1." + base64.urlsafe_b64encode(random(16)).decode().rstrip("=")


def visitor_of(cookies: Mapping[str, str]) -> str | None:
    """Return the visitor id of a request's cookies; None when there is none of our form."""
    value = cookies.get(NAME)
    return value if value is not None and _VALUE.fullmatch(value) else None


def visitor_in(header: str) -> str | None:
    """Return the visitor id of a whole ``Cookie`` header, as `visitor_of` of its pairs would."""
    found = _PAIR.search(header)
    if found is None:
        return None
    value = found[1].strip().strip('"')
    return value if _VALUE.fullmatch(value) else None


def set_cookie(visitor: str, shop: Shop, *, secure: bool) -> str:
    """Return the ``Set-Cookie`` value that gives or renews the id."""
    return f"{NAME}={visitor}; Max-Age={shop.cookie_days * _DAY_S}" + _attributes(shop.cookie_domain, secure)


def delete_cookie(shop: Shop, *, secure: bool) -> str:
    """Return the ``Set-Cookie`` value that removes the id."""
    return f"{NAME}=; Max-Age=0" + _attributes(shop.cookie_domain, secure)


def read_cookies(header: str) -> dict[str, str]:
    """Return the pairs of a ``Cookie`` header; the first of a repeated name counts (RFC 6265, 5.4: longest path)."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            found.setdefault(name, value.strip('"'))
    return found


@lru_cache(maxsize=256)
def _attributes(cookie_domain: str | None, secure: bool) -> str:
    domain = f"; Domain={cookie_domain}" if cookie_domain else ""
    return f"; Path=/{domain}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
